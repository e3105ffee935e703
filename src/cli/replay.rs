//! `cellpost replay`: a flight recording played against the session of this version.

use std::path::PathBuf;

use clap::Args;

use super::CommandError;

#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    /// A recording: a file of the folder `recorder` in the data folder, or a transcript.
    file: PathBuf,
}

/// Prints what the session makes of it. Fails when it writes something else than was written then.
pub(super) fn run(args: &ReplayArgs) -> Result<(), CommandError> {
    let file = args.file.display();
    let failed = |why: String| CommandError::Failed(format!("{file}: {why}"));
    let text = std::fs::read_to_string(&args.file).map_err(|error| failed(error.to_string()))?;
    let replayed = crate::app::replay(&text).map_err(|error| failed(error.to_string()))?;
    for line in &replayed.lines {
        println!("{line}");
    }
    println!("# at the end the modem is {}", replayed.state.as_str());
    match replayed.departures {
        0 => Ok(()),
        times => Err(failed(format!(
            "{times} times the session wrote something else than was recorded"
        ))),
    }
}
