//! Lines on their way out, by a thread of their own: whoever tells something waits for nobody who reads it.
//!
//! Never: looks into a line, keeps more of them than [`MOST`].

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tracing::warn;

/// Octets of lines that wait for a reader; what comes while there are more is lost and counted.
const MOST: usize = 256 * 1024;

/// Where lines are handed in. A clone hands in at the same place.
#[derive(Clone, Debug)]
pub(super) struct Printer(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    comes: Condvar,
    is_out: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    lines: VecDeque<Vec<u8>>,
    octets: usize,
    /// Lines since this was last told.
    lost: u64,
    /// One has been taken and is not out yet.
    writes: bool,
}

impl Printer {
    /// Starts the thread; it ends with the process.
    ///
    /// # Errors
    /// When there can be no thread.
    pub(super) fn start(to: impl Write + Send + 'static) -> io::Result<Self> {
        let printer = Self(Arc::default());
        let shared = Arc::clone(&printer.0);
        std::thread::Builder::new()
            .name("log".into())
            .spawn(move || shared.serve(to))?;
        Ok(printer)
    }

    /// Returns when all is out that was handed in, or after `patience`.
    pub(super) fn flush(&self, patience: Duration) {
        let queue = self.0.lock();
        let waits = |queue: &mut Queue| queue.writes || !queue.lines.is_empty();
        // What is not out by then is lost: a process must end.
        drop(self.0.is_out.wait_timeout_while(queue, patience, waits));
    }
}

impl Shared {
    fn serve(&self, mut to: impl Write) {
        loop {
            let (line, lost) = self.next();
            // A reader who is gone must not end a daemon.
            let _ = to.write_all(&line);
            let mut queue = self.lock();
            queue.writes = false;
            if queue.lines.is_empty() {
                self.is_out.notify_all();
            }
            drop(queue);
            if lost > 0 {
                warn!(lost, "lines of the log were lost: nobody read it");
            }
        }
    }

    /// With how many were lost behind it, once it is the last.
    fn next(&self) -> (Vec<u8>, u64) {
        let mut queue = self.lock();
        loop {
            if let Some(line) = queue.lines.pop_front() {
                queue.octets -= line.len();
                queue.writes = true;
                let lost = match queue.lines.is_empty() {
                    true => std::mem::take(&mut queue.lost),
                    false => 0,
                };
                return (line, lost);
            }
            queue = self
                .comes
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn hand_in(&self, line: &[u8]) {
        let mut queue = self.lock();
        if queue.octets + line.len() > MOST {
            queue.lost += 1;
            return;
        }
        queue.octets += line.len();
        queue.lines.push_back(line.to_owned());
        drop(queue);
        self.comes.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // It is whole at every line above, so a panic elsewhere cannot have broken it.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is written at once is one line.
impl Write for Printer {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.hand_in(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Read as _};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    #[test]
    fn whoever_tells_waits_for_no_reader_and_what_is_lost_is_counted() {
        let (reader, writer) = io::pipe().unwrap();
        let mut printer = Printer::start(writer).unwrap();
        // A pipe holds 64 KiB, and the printer four times as much.
        const TOLD: usize = 10_000;
        for number in 0..TOLD {
            tell(&mut printer, &format!("line {number:0>95}"));
        }
        printer.flush(Duration::from_millis(1));
        let lost = usize::try_from(printer.0.lock().lost).unwrap();
        assert!(lost > 0);
        // Those that found room, whole and in their order.
        let lines = BufReader::new(reader).lines().take(TOLD - lost);
        let lines: Vec<String> = lines.map(Result::unwrap).collect();
        assert_eq!(lines[0], format!("line {:0>95}", 0));
        assert!(lines.is_sorted() && lines.iter().all(|line| line.len() == 100));
        printer.flush(PATIENCE);
        let queue = printer.0.lock();
        assert_eq!((queue.lost, queue.octets), (0, 0));
    }

    #[test]
    fn what_was_handed_in_is_out_after_a_flush() {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut printer = Printer::start(writer).unwrap();
        for number in 0..100 {
            tell(&mut printer, &number.to_string());
        }
        printer.flush(PATIENCE);
        let mut told = [0; 290];
        reader.read_exact(&mut told).unwrap();
        assert!(told.ends_with(b"98\n99\n"));
    }

    #[test]
    fn a_reader_who_is_gone_ends_nothing() {
        let (reader, writer) = io::pipe().unwrap();
        let mut printer = Printer::start(writer).unwrap();
        drop(reader);
        for _ in 0..3 {
            tell(&mut printer, "into the void");
            printer.flush(PATIENCE);
        }
        assert_eq!(printer.0.lock().octets, 0);
    }

    /// As the log does: a whole line at once.
    fn tell(printer: &mut Printer, line: &str) {
        printer.write_all(format!("{line}\n").as_bytes()).unwrap();
    }
}
