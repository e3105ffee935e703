//! `cellpost backup FILE`: a copy of the database, beside a running gateway or without one.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use clap::Args;
use rustix::fs::Mode;

use super::{CommandError, ConfigArgs, load};
use crate::store::back_up;

#[derive(Debug, Args)]
pub(super) struct BackupArgs {
    /// The copy. A file that is there already is not replaced.
    file: PathBuf,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) fn run(args: &BackupArgs) -> Result<(), CommandError> {
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    let config = load(&args.config, &[], None)?;
    let database = config.database_path();
    if !database.exists() {
        return Err(CommandError::Failed(format!(
            "{}: there is no database; name its folder with --data-dir or its config with --config",
            database.display()
        )));
    }
    let is_watched = std::io::stderr().is_terminal();
    let mut shown = 0;
    let progress = |done| {
        let percent = percent(done);
        if is_watched && percent > shown {
            shown = percent;
            let _ = write!(std::io::stderr(), "\r{percent} %");
        }
    };
    back_up(&database, &args.file, progress, || false)
        .map_err(|error| CommandError::Failed(error.to_string()))?;
    if is_watched {
        let _ = write!(std::io::stderr(), "\r");
    }
    println!(
        "{}: copied, and every page of it read back",
        args.file.display()
    );
    println!(
        "The keys are not in it: keep {} and {} too.",
        config.secret_path(&config.pepper_file).display(),
        config.secret_path(&config.auth.admin_key_file).display()
    );
    Ok(())
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn percent(done: f64) -> u8 {
    (100.0 * done.clamp(0.0, 1.0)) as u8
}
