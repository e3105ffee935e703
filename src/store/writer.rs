//! The writer thread: owns the only writing connection, commits jobs in groups, answers after COMMIT.
//!
//! A job that fails does not undo its neighbours: the group is rolled back and run again with a savepoint around each
//! job. Failures are rare, and savepoints are not free: a group runs without them first. SQLite ends a transaction by
//! itself on a full disk, an I/O error or lack of memory; then nothing of the group holds, and every job of it runs again
//! alone. After an I/O error of COMMIT nobody knows what holds: the file is closed and opened again before anything else
//! is done with it.

use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use rusqlite::{Connection, ErrorCode};
use tokio::runtime::Handle;
use tokio::sync::{broadcast, mpsc, oneshot};
use tracing::{error, warn};

use super::batch::{self, BatchStep, Touched};
use super::kept::Shelf;
use super::limit;
use super::recent::Newest;
use super::waiting::{Moves, Place, Waiting};
use super::wal::{self, WalCare};
use super::{Step, StoreError};
use crate::domain::{MessageSeq, MessageState, UnixMillis};

/// What a job works with: the open transaction, and what to announce once it is committed.
pub(super) struct Work<'a> {
    pub(super) db: &'a Connection,
    /// Statements that each of many jobs runs.
    pub(super) kept: Shelf<'a>,
    /// In which order of time messages were accepted.
    pub(super) newest: &'a Newest,
    news: News,
    touched: Vec<Touched>,
}

/// What becomes known with a COMMIT.
#[derive(Default)]
struct News {
    steps: Vec<Step>,
    batches: Vec<BatchStep>,
    moves: Moves,
}

impl<'a> Work<'a> {
    fn new(file: &'a OpenFile, kept: Shelf<'a>) -> Self {
        Self {
            db: &file.connection,
            kept,
            newest: &file.newest,
            news: News::default(),
            touched: Vec::new(),
        }
    }

    /// Announces a step of a message, after COMMIT.
    pub(super) fn announce(&mut self, step: Step) {
        self.news.steps.push(step);
    }

    /// Announces that a batch is over, after COMMIT.
    pub(super) fn announce_batch(&mut self, step: BatchStep) {
        self.news.batches.push(step);
    }

    /// Counts a message that begins (+1) or ceases (−1) to wait in this place.
    pub(super) fn moved(&mut self, place: Place, change: i64) {
        self.news.moves.push((place, change));
    }

    /// Notes that a message of a batch took a step: the batch is looked at when the job ends.
    pub(super) fn touch(&mut self, batch: MessageSeq, from: MessageState, to: MessageState) {
        batch::touch(&mut self.touched, batch, from, to);
    }

    /// The batches noted since this was last asked.
    pub(super) fn touched(&mut self) -> Vec<Touched> {
        std::mem::take(&mut self.touched)
    }

    /// The time of the job's last entry in an event list.
    pub(super) fn last_event_at(&self) -> UnixMillis {
        let last = self.news.steps.last();
        last.map_or(UnixMillis::default(), |step| step.event.at)
    }
}

impl News {
    fn append(&mut self, mut later: Self) {
        self.steps.append(&mut later.steps);
        self.batches.append(&mut later.batches);
        self.moves.append(&mut later.moves);
    }
}

/// One write: runs inside a transaction, perhaps more than once, and is answered when its fate is known.
pub(super) trait Job: Send {
    fn run(&mut self, work: &mut Work<'_>) -> Result<(), StoreError>;
    fn answer(self: Box<Self>, fate: Result<(), StoreError>);
}

struct JobOf<F, T> {
    run: F,
    result: Option<T>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<F, T> Job for JobOf<F, T>
where
    F: FnMut(&mut Work<'_>) -> Result<T, StoreError> + Send,
    T: Send,
{
    fn run(&mut self, work: &mut Work<'_>) -> Result<(), StoreError> {
        self.result = Some((self.run)(work)?);
        Ok(())
    }

    fn answer(self: Box<Self>, fate: Result<(), StoreError>) {
        let Self { result, reply, .. } = *self;
        let answer = fate.and_then(|()| result.ok_or(StoreError::Closed));
        // A caller that went away does not need its answer; what it asked for is done.
        let _ = reply.send(answer);
    }
}

/// The pending answer to a write. Dropping it does not undo the write.
#[derive(Debug)]
pub(crate) struct Receipt<T>(oneshot::Receiver<Result<T, StoreError>>);

impl<T> Receipt<T> {
    /// Waits for the COMMIT.
    pub(crate) async fn committed(self) -> Result<T, StoreError> {
        self.0.await.unwrap_or(Err(StoreError::Closed))
    }
}

/// Makes a job of a closure. It must be able to run again: the transaction may die under it.
pub(super) fn job<T, F>(run: F) -> (Box<dyn Job>, Receipt<T>)
where
    F: FnMut(&mut Work<'_>) -> Result<T, StoreError> + Send + 'static,
    T: Send + 'static,
{
    let (reply, receiver) = oneshot::channel();
    let job = JobOf {
        run,
        result: None,
        reply,
    };
    (Box::new(job), Receipt(receiver))
}

/// Jobs that must commit together or one after the other in one group.
pub(super) type Jobs = Vec<Box<dyn Job>>;

/// The way to the writer thread.
#[derive(Clone)]
pub(super) struct Door {
    queue: mpsc::Sender<Jobs>,
    pub(super) steps: broadcast::Sender<Step>,
    pub(super) batches: broadcast::Sender<BatchStep>,
    pub(super) waiting: Waiting,
}

/// Writes that may wait for the writer: some 64 connections' worth and the modems' on top. When it is full
/// callers wait.
const QUEUE: usize = 1024;
/// More would only make the first of them wait for the last.
const LARGEST_GROUP: usize = 256;
/// A group of so many shows that many write at once. Those who were just answered come again in a moment: a much smaller
/// group waits for them a little, for each COMMIT costs a sync and some pages whatever is in it.
const MANY: usize = 8;
const LINGER: std::time::Duration = std::time::Duration::from_micros(250);
/// Steps that a slow listener may lag behind before it misses some.
const STEPS_KEPT: usize = 1024;
impl Door {
    pub(super) async fn submit(&self, jobs: Jobs) {
        if let Err(refused) = self.queue.send(jobs).await {
            for job in refused.0 {
                job.answer(Err(StoreError::Closed));
            }
        }
    }
}

/// The two threads of a store; they end when the last [`Door`] is gone.
#[derive(Debug)]
pub(crate) struct StoreThreads {
    writer: JoinHandle<()>,
    checkpointer: JoinHandle<()>,
}

impl StoreThreads {
    /// Blocks until everything handed to the store is committed and the file is closed.
    pub(crate) fn join(self) {
        for thread in [self.writer, self.checkpointer] {
            if thread.join().is_err() {
                error!("a thread of the store ended by a panic");
            }
        }
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.writer.is_finished()
    }
}

pub(super) fn start(path: &Path, waiting: Waiting) -> Result<(Door, StoreThreads), StoreError> {
    let file = open(path)?;
    let (queue, jobs) = mpsc::channel(QUEUE);
    let (steps, _) = broadcast::channel(STEPS_KEPT);
    let (batches, _) = broadcast::channel(STEPS_KEPT);
    let (wal, copier) = wal::care();
    let copied = path.to_owned();
    let writer = Writer {
        path: path.to_owned(),
        file: Some(file),
        steps: steps.clone(),
        batches: batches.clone(),
        waiting: waiting.clone(),
        wal,
        runtime: Handle::try_current().ok(),
    };
    let spawn = |name: &str, body: Box<dyn FnOnce() + Send>| {
        std::thread::Builder::new()
            .name(name.into())
            .spawn(body)
            .map_err(StoreError::Thread)
    };
    let threads = StoreThreads {
        writer: spawn("store-writer", Box::new(move || writer.serve(jobs)))?,
        checkpointer: spawn("store-checkpoint", Box::new(move || copier.run(&copied)))?,
    };
    let door = Door {
        queue,
        steps,
        batches,
        waiting,
    };
    Ok((door, threads))
}

/// The connection that writes, and what is known of the file that is not in it.
struct OpenFile {
    connection: Connection,
    newest: Newest,
}

fn open(path: &Path) -> Result<OpenFile, StoreError> {
    let connection = super::open_for_writing(path)?;
    limit::prepare(&connection)?;
    let newest = Newest::read(&connection)?;
    Ok(OpenFile { connection, newest })
}

struct Writer {
    path: PathBuf,
    /// `None` after a COMMIT of unknown outcome, until the file could be opened again.
    file: Option<OpenFile>,
    steps: broadcast::Sender<Step>,
    batches: broadcast::Sender<BatchStep>,
    waiting: Waiting,
    wal: WalCare,
    /// Of those who wait for answers.
    runtime: Option<Handle>,
}

/// All that stand at the door go in together.
fn take_waiting(jobs: &mut mpsc::Receiver<Jobs>, group: &mut Jobs) {
    while group.len() < LARGEST_GROUP {
        match jobs.try_recv() {
            Ok(more) => group.extend(more),
            Err(_) => break,
        }
    }
}

impl Writer {
    fn serve(mut self, mut jobs: mpsc::Receiver<Jobs>) {
        let mut last = 0;
        while let Some(mut group) = jobs.blocking_recv() {
            take_waiting(&mut jobs, &mut group);
            if last >= MANY && group.len() < last / 2 {
                std::thread::sleep(LINGER);
                take_waiting(&mut jobs, &mut group);
            }
            last = group.len();
            self.commit_group(group);
            if let Some(file) = &self.file {
                self.wal.keep_small(&file.connection);
            }
        }
    }

    fn commit_group(&mut self, group: Jobs) {
        let Some(file) = self.open_file() else {
            // Nothing of it was begun.
            return fail_all(group, || StoreError::ReadOnly);
        };
        match run_group(file, group) {
            GroupEnd::Committed(committed) => self.announce(committed),
            GroupEnd::Died(group, _) => {
                for job in group {
                    self.commit_alone(job);
                }
            }
            GroupEnd::Unknown(group) => self.lose_connection(group),
        }
    }

    fn commit_alone(&mut self, job: Box<dyn Job>) {
        let Some(file) = self.open_file() else {
            return job.answer(Err(StoreError::ReadOnly));
        };
        match run_group(file, vec![job]) {
            GroupEnd::Committed(committed) => self.announce(committed),
            GroupEnd::Died(group, error) => {
                if matches!(error, StoreError::ReadOnly) {
                    // A file that was opened while it could not be written stays so.
                    self.file = None;
                }
                let mut fate = Some(error);
                // A group of one has one to tell.
                fail_all(group, || fate.take().unwrap_or(StoreError::Closed));
            }
            GroupEnd::Unknown(group) => self.lose_connection(group),
        }
    }

    /// After an I/O error of COMMIT the frames in the WAL may be valid or not: only a fresh look tells.
    fn lose_connection(&mut self, group: Jobs) {
        error!(
            "the disk failed at COMMIT: what the last writes came to is read again from the file"
        );
        self.file = None;
        fail_all(group, || StoreError::OutcomeUnknown);
    }

    fn open_file(&mut self) -> Option<&OpenFile> {
        if self.file.is_none() {
            // What the last group came to is not known, so what waits is counted again.
            let opened = open(&self.path);
            let opened = opened.and_then(|fresh| {
                self.waiting.count(&fresh.connection)?;
                Ok(fresh)
            });
            match opened {
                Ok(file) => self.file = Some(file),
                Err(error) => warn!(%error, "the database cannot be opened again yet"),
            }
        }
        self.file.as_ref()
    }

    /// To wake another thread's sleeper costs a system call: many are woken from there, and it costs one.
    fn answer(&self, answers: Answers) {
        match &self.runtime {
            Some(runtime) if answers.len() > 1 => {
                runtime.spawn(async { answer_all(answers) });
            }
            _ => answer_all(answers),
        }
    }

    fn announce(&self, committed: Committed) {
        self.waiting.apply(committed.news.moves);
        self.answer(committed.answers);
        // Nobody listening is an ordinary state.
        for step in committed.news.steps {
            let _ = self.steps.send(step);
        }
        for step in committed.news.batches {
            let _ = self.batches.send(step);
        }
    }
}

fn answer_all(answers: Answers) {
    for (job, fate) in answers {
        job.answer(fate);
    }
}

fn fail_all(group: Jobs, mut error: impl FnMut() -> StoreError) {
    for job in group {
        job.answer(Err(error()));
    }
}

struct Committed {
    news: News,
    answers: Answers,
}

/// Jobs, and what became of each.
type Answers = Vec<(Box<dyn Job>, Result<(), StoreError>)>;

/// What protects the jobs of a group from each other.
#[derive(Clone, Copy, PartialEq)]
enum Guard {
    /// Nothing: the first failure ends the group.
    None,
    /// A savepoint each.
    Savepoint,
}

enum GroupEnd {
    Committed(Committed),
    /// The transaction did not begin, or SQLite ended it: nothing of it holds.
    Died(Jobs, StoreError),
    /// COMMIT failed in a way that leaves its outcome open.
    Unknown(Jobs),
}

fn run_group(file: &OpenFile, mut group: Jobs) -> GroupEnd {
    crash_point!(group_begins());
    let mut guard = Guard::None;
    let newest = file.newest.get();
    loop {
        let ran = run_guarded(file, group, guard);
        if !matches!(ran, Ok(GroupEnd::Committed(_))) {
            file.newest.fall_back(newest);
        }
        match ran {
            Ok(end) => return end,
            Err(spoilt) => (group, guard) = (spoilt, Guard::Savepoint),
        }
    }
}

/// `Err`: a job failed that had no guard, and nothing of the group holds.
fn run_guarded(file: &OpenFile, group: Jobs, guard: Guard) -> Result<GroupEnd, Jobs> {
    let connection = &file.connection;
    if let Err(error) = connection.execute_batch("BEGIN IMMEDIATE") {
        warn!(%error, "a transaction could not begin");
        return Ok(GroupEnd::Died(group, error.into()));
    }
    let mut committed = Committed {
        news: News::default(),
        answers: Vec::with_capacity(group.len()),
    };
    let mut kept = Shelf::new(connection);
    let mut waiting = group.into_iter();
    while let Some(mut job) = waiting.next() {
        let mut work = Work::new(file, kept);
        let ran = match guard {
            Guard::None => run_job(&mut *job, &mut work),
            Guard::Savepoint => run_in_savepoint(&mut *job, &mut work),
        };
        let Work {
            news, kept: used, ..
        } = work;
        kept = used;
        let fate = match ran {
            Ok(()) => {
                committed.news.append(news);
                Ok(())
            }
            Err(error) if connection.is_autocommit() || guard == Guard::None => {
                let before = committed.answers.into_iter().map(|(job, _)| job);
                let all = before.chain(std::iter::once(job)).chain(waiting).collect();
                return match connection.is_autocommit() {
                    true => Ok(GroupEnd::Died(all, error)),
                    false if connection.execute_batch("ROLLBACK").is_ok() => Err(all),
                    // It is closed, and nothing of it is committed.
                    false => Ok(GroupEnd::Unknown(all)),
                };
            }
            Err(error) => Err(error),
        };
        committed.answers.push((job, fate));
    }
    crash_point!(before_commit());
    let commit = connection.execute_batch("COMMIT");
    crash_point!(after_commit());
    Ok(match commit {
        Ok(()) => GroupEnd::Committed(committed),
        Err(error) => {
            let jobs = committed.answers.into_iter().map(|(job, _)| job).collect();
            let definite = matches!(
                error.sqlite_error_code(),
                Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy)
            );
            warn!(%error, "COMMIT failed");
            if definite
                && (connection.is_autocommit() || connection.execute_batch("ROLLBACK").is_ok())
            {
                GroupEnd::Died(jobs, error.into())
            } else {
                GroupEnd::Unknown(jobs)
            }
        }
    })
}

fn run_job(job: &mut dyn Job, work: &mut Work<'_>) -> Result<(), StoreError> {
    job.run(work)?;
    batch::settle(work)
}

fn run_in_savepoint(job: &mut dyn Job, work: &mut Work<'_>) -> Result<(), StoreError> {
    work.db.execute_batch("SAVEPOINT job")?;
    let newest = work.newest.get();
    let outcome = run_job(job, work);
    match outcome {
        Ok(()) => Ok(work.db.execute_batch("RELEASE job")?),
        Err(error) => {
            work.newest.fall_back(newest);
            if !work.db.is_autocommit() {
                work.db.execute_batch("ROLLBACK TO job; RELEASE job")?;
            }
            Err(error)
        }
    }
}
