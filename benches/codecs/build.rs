//! Links the system's libraries, if asked to.

fn main() {
    #[cfg(feature = "system-libs")]
    {
        cc::Build::new().file("src/jpeg.c").compile("jpegshim");
        println!("cargo:rustc-link-lib=jpeg");
        // By its run-time name, so that no development package is needed.
        println!("cargo:rustc-link-lib=dylib:+verbatim=liblz4.so.1");
        println!("cargo:rerun-if-changed=src/jpeg.c");
    }
}
