//! The `spice-render` program.

mod cli;

fn main() -> std::process::ExitCode {
    spice_render::memory::keep_freed();
    cli::main()
}
