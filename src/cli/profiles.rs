//! `spice-render profiles`.

use super::{At, Outcome, at};
use spice_render::client::profile::Profile;
use std::io::{self, Write};
use std::path::Path;

/// List the built-in client profiles, or print one as a TOML file.
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  spice-render profiles spice-html5 > mine.toml   # then edit mine.toml\n  \
                        spice-render profiles mine.toml                  # check it"
)]
pub(crate) struct Args {
    /// A built-in profile, or a file NAME.toml, which is checked and printed in full.
    name: Option<String>,
}

pub(crate) fn run(args: Args) -> Outcome {
    let mut out = io::BufWriter::new(io::stdout().lock());
    match args.name {
        Some(name) => write!(out, "{}", load(&name)?.to_toml())?,
        None => {
            let all: Vec<_> = Profile::builtin_names().filter_map(Profile::builtin).collect();
            let width = all.iter().map(|p| p.name.len()).max().unwrap_or(0);
            for p in all {
                writeln!(out, "{:width$}  {}", p.name, p.comment)?;
            }
        }
    }
    out.flush()?;
    Ok(())
}

/// The profile that a user means: a name that ends in `.toml` is a file, any other a built-in profile.
pub(crate) fn load(name: &str) -> Result<Profile, At> {
    let path = Path::new(name);
    if path.extension().is_some_and(|e| e == "toml") {
        let text = std::fs::read_to_string(path).map_err(|e| at(path, e))?;
        return Profile::from_toml(&text).map_err(|e| at(path, e));
    }
    Profile::builtin(name).ok_or_else(|| {
        let names: Vec<_> = Profile::builtin_names().collect();
        At(format!("{name}: there is no such profile, there are {}", names.join(", ")))
    })
}
