//! `cellpost restore FILE`: a backup takes the place of the database.
//!
//! What waited when the backup was made may have been sent since; nobody knows. It is sent, and says that it may be a
//! duplicate, unless it is asked to be canceled.

use std::path::{Path, PathBuf};

use clap::Args;
use rustix::fs::Mode;

use super::{CommandError, ConfigArgs, load, runtime};
use crate::app::{lock_data_folder, wall_clock};
use crate::domain::{Pepper, UnixMillis};
use crate::store::{Restored, Store, restore};

#[derive(Debug, Args)]
pub(super) struct RestoreArgs {
    /// A file that `cellpost backup` or `database.backup_dir` made.
    file: PathBuf,
    /// Cancel the messages that waited when the backup was made, in place of sending them.
    #[arg(long)]
    cancel_waiting: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) fn run(args: &RestoreArgs) -> Result<(), CommandError> {
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    let config = load(&args.config, &[], None)?;
    let _lock = lock_data_folder(&config.data_dir)?;
    let database = config.database_path();
    let now = wall_clock();
    let mut aside = database.clone().into_os_string();
    aside.push(format!(".before-{}", now.compact()));
    let aside = PathBuf::from(aside);
    restore(&args.file, &database, &aside)
        .map_err(|error| CommandError::Failed(error.to_string()))?;
    let waiting = go_on(&database, args.cancel_waiting, now)?;
    println!(
        "{}: restored from {}",
        database.display(),
        args.file.display()
    );
    if aside.exists() {
        println!("The database as it was is kept: {}", aside.display());
    }
    match (waiting, args.cancel_waiting) {
        (0, _) => {}
        (n, true) => println!("{n} messages that waited when the backup was made are canceled."),
        (n, false) => println!(
            "{n} messages that waited when the backup was made will be sent; those that were sent since reach their \
             recipients twice, and each says may_be_duplicate. --cancel-waiting cancels them."
        ),
    }
    Ok(())
}

/// Brings the database to this version, and marks or cancels what waits in it.
fn go_on(database: &Path, cancel: bool, now: UnixMillis) -> Result<u64, CommandError> {
    let failed = |error: &dyn std::fmt::Display| {
        CommandError::Failed(format!("{}: {error}", database.display()))
    };
    // Nothing is sealed or opened here.
    let pepper = Pepper::new(&[0; Pepper::OCTETS]);
    let (store, threads) = Store::open(database, pepper).map_err(|error| failed(&error))?;
    let line = match cancel {
        true => Restored::Canceled,
        false => Restored::SentAgain,
    };
    let waiting = runtime()?
        .block_on(store.after_restore(line, now))
        .map_err(|error| failed(&error))?;
    drop(store);
    threads.join();
    Ok(waiting)
}
