//! The way of a message into the store, the same for every group: who asks, whether it was asked before, what is
//! asked, whether there is room, and one write.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::Request;
use axum::response::Response;
use http::{HeaderName, HeaderValue, Method};
use sha2::{Digest, Sha256};

use super::Gate;
use super::answer::response;
use super::auth::{Caller, Scope, Who};
use super::error::{ApiError, Overload};
use super::extract::{Fields, idempotency_key, read_body, require_json};
use crate::dispatch::{Bell, pending};
use crate::domain::{Category, Crowd, MessageState, Pending, Priority, Skip};
use crate::store::{Accepted, Answer, MessageView, Once, Render, StoreError, Submission};

/// What a group makes of a request, and of the message it became.
pub(super) struct Intake {
    pub(super) read: fn(&Gate, &Caller, Fields) -> Result<Submission, ApiError>,
    /// The answer, with why the message waits. It may be made more than once, and is the same each time.
    pub(super) answer: fn(&MessageView, Option<Pending>) -> Answer,
    /// The answer about an alert that its number does not want.
    pub(super) skipped: fn(Skip) -> Answer,
}

const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// http-api.md §0.2 gives the order: authentication, an answer given before, limits, validation.
pub(super) async fn accept(
    gate: &Gate,
    caller: &Caller,
    request: Request,
    intake: &Intake,
) -> Result<Response, ApiError> {
    let render = renderer(gate, intake.answer);
    let scope = Scope::MessagesSend;
    let begun = match begin(
        gate,
        caller,
        scope,
        request,
        Asks::Something,
        &render,
        intake.skipped,
    )
    .await?
    {
        Beginning::Replay(answer) => return Ok(replayed(answer)),
        Beginning::New(begun) => begun,
    };
    let submission = (intake.read)(gate, caller, begun.fields)?;
    gate.has_room_for(submission.category)?;
    let (store, once) = (gate.store().clone(), begun.once);
    let crowd = submission.crowd;
    let write = async move { store.accept(submission, once).await };
    let ring = move |bell: &Bell, view: &MessageView| ring_for(bell, view, crowd);
    answered(
        gate.commit(write, begun.run, ring).await?,
        &render,
        intake.skipped,
    )
}

/// A message in line joins its end; one that is held back is in none until its time comes.
fn ring_for(bell: &Bell, view: &MessageView, crowd: Crowd) {
    let line = (view.state == MessageState::Queued).then_some((Priority(view.priority), crowd));
    let due = view.next_attempt_at.into_iter().chain([view.expires_at]);
    bell.ring_for(line, due.min().unwrap_or(view.expires_at));
}

/// A request that is new, and what of it is left to read.
pub(super) struct Begun<V> {
    pub(super) fields: Fields,
    pub(super) once: Option<Once<V>>,
    pub(super) run: Option<Run>,
}

pub(super) enum Beginning<V> {
    New(Begun<V>),
    Replay(Answer),
}

/// Whether a request must have a body. Without one it asks as an empty object does.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Asks {
    Something,
    Nothing,
}

/// Everything that comes before a request's fields are read.
pub(super) async fn begin<V>(
    gate: &Gate,
    caller: &Caller,
    scope_needed: Scope,
    request: Request,
    asks: Asks,
    render: &Render<V>,
    skipped: fn(Skip) -> Answer,
) -> Result<Beginning<V>, ApiError> {
    caller.may(scope_needed)?;
    let (head, body) = request.into_parts();
    let key = idempotency_key(&head.headers)?;
    let server = &gate.config().server;
    let octets = read_body(&head.headers, body, server.max_body, server.body_timeout).await?;
    let once = key.map(|key| Once {
        scope: scope(caller, &head.method, head.uri.path(), key),
        body_mac: gate.store().pepper().body_mac(&octets),
        render: Arc::clone(render),
        skipped,
    });
    let run = match &once {
        None => None,
        Some(once) => {
            let run = gate.0.running.begin(once.scope);
            let run = run.ok_or(ApiError::StillRunning)?;
            match gate.store().answered_before(once).await? {
                None => Some(run),
                Some(Ok(answer)) => return Ok(Beginning::Replay(answer)),
                Some(Err(_)) => return Err(ApiError::OtherBody),
            }
        }
    };
    gate.admit(caller)?;
    let fields = match asks == Asks::Nothing && octets.is_empty() {
        true => Fields::parse(b"{}")?,
        false => {
            require_json(&head.headers)?;
            Fields::parse(&octets)?
        }
    };
    Ok(Beginning::New(Begun { fields, once, run }))
}

/// For whatever is no alert: only alerts are skipped.
pub(super) fn never_skipped(_: Skip) -> Answer {
    unreachable!("only alerts are skipped")
}

/// Why recipients of a batch are refused: when none is left, the first one's trouble is the request's.
#[derive(Debug, Default)]
pub(super) struct Refusals(Option<(usize, ApiError)>);

impl Refusals {
    /// `index`: the recipient's place in the request.
    pub(super) fn note(&mut self, index: usize, error: ApiError) {
        if self.0.as_ref().is_none_or(|(first, _)| index < *first) {
            self.0 = Some((index, error));
        }
    }

    pub(super) fn first(self) -> Option<ApiError> {
        self.0.map(|(_, error)| error)
    }
}

/// What became of a write, as its answer.
pub(super) fn answered<V>(
    written: Accepted<V>,
    render: &Render<V>,
    skipped: fn(Skip) -> Answer,
) -> Result<Response, ApiError> {
    match written {
        Accepted::New(view) => Ok(response(&render(&view))),
        Accepted::Replay(answer) => Ok(replayed(answer)),
        Accepted::OtherBody => Err(ApiError::OtherBody),
        Accepted::Suppressed(reason) => Err(ApiError::Suppressed(reason)),
        Accepted::Limited(wait) => Err(ApiError::Limited { wait }),
        Accepted::NobodyLeft => Err(ApiError::invalid("no recipient is left")),
        Accepted::Skipped(skip) => Ok(response(&skipped(skip))),
        Accepted::NoCredit => Err(ApiError::NoCredit),
        Accepted::TooMany => Err(ApiError::TooManyTemplates),
    }
}

/// The modems as they stood when the request came decide what its answer says, so that a replay is the same to the octet.
fn renderer(gate: &Gate, answer: fn(&MessageView, Option<Pending>) -> Answer) -> Render {
    let (fleet, loads) = (gate.fleet(), gate.loads());
    Arc::new(move |view| answer(view, pending(view, &fleet, &loads, view.created_at)))
}

/// Who asked what under which key.
fn scope(caller: &Caller, method: &Method, path: &str, key: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    match &caller.who {
        Who::Key(hashed) => {
            hash.update(b"key\0");
            hash.update(hashed.0);
        }
        Who::Anonymous(address) => {
            hash.update(b"anonymous\0");
            hash.update(format!("{}\0{address}", caller.app));
        }
    }
    // Neither a method nor a path holds a NUL, and the key is the last: no two requests run together.
    hash.update(format!("\0{method}\0{path}\0"));
    hash.update(key);
    hash.finalize().into()
}

impl Gate {
    pub(super) fn has_room_for(&self, category: Category) -> Result<(), ApiError> {
        if self.is_closing() {
            return Err(ApiError::Overloaded(Overload::ShuttingDown));
        }
        if !self.has_routes() {
            return Err(ApiError::NoRoute);
        }
        if !self.0.disk.has_room() {
            return Err(ApiError::Overloaded(Overload::Disk));
        }
        let backlog = self.config().message.max_backlog;
        let is_full = backlog.is_some_and(|most| self.store().unsent() >= most);
        match is_full && category != Category::Otp {
            true => Err(ApiError::Overloaded(Overload::Backlog)),
            false => Ok(()),
        }
    }

    /// Writes, and rings when it is written. A caller who hangs up meanwhile changes nothing: without its ring an
    /// accepted message would wait for the next one.
    pub(super) async fn commit<V: Send + 'static>(
        &self,
        write: impl Future<Output = Result<Accepted<V>, StoreError>> + Send + 'static,
        run: Option<Run>,
        ring: impl FnOnce(&Bell, &V) + Send + 'static,
    ) -> Result<Accepted<V>, ApiError> {
        let ring = |bell: &Bell, written: &Accepted<V>| {
            if let Accepted::New(view) = written {
                ring(bell, view);
            }
        };
        self.committed(write, run, ring).await
    }

    /// The same, whatever it is that was written.
    pub(super) async fn committed<T: Send + 'static>(
        &self,
        write: impl Future<Output = Result<T, StoreError>> + Send + 'static,
        run: Option<Run>,
        ring: impl FnOnce(&Bell, &T) + Send + 'static,
    ) -> Result<T, ApiError> {
        let gate = self.clone();
        let writing = self.0.acceptances.spawn(async move {
            let written = write.await;
            match &written {
                Ok(written) => ring(&gate.0.parts.bell, written),
                // Whether it is there is not known: dispatch looks.
                Err(_) => gate.0.parts.bell.ring(),
            }
            gate.0.disk.wrote(written.is_ok(), gate.now());
            drop(run);
            written
        });
        Ok(writing.await.map_err(|_| ApiError::Panicked)??)
    }
}

pub(super) fn replayed(answer: Answer) -> Response {
    let mut response = response(&answer);
    response
        .headers_mut()
        .insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
    response
}

/// Idempotency scopes whose first request has no answer yet. No more than there are requests.
#[derive(Clone, Debug, Default)]
pub(super) struct Running(Arc<Mutex<HashSet<[u8; 32]>>>);

/// One of them; over when it is dropped.
#[derive(Debug)]
pub(super) struct Run {
    scope: [u8; 32],
    all: Running,
}

impl Running {
    /// `None` when one runs already.
    fn begin(&self, scope: [u8; 32]) -> Option<Run> {
        self.with(|scopes| scopes.insert(scope)).then(|| Run {
            scope,
            all: self.clone(),
        })
    }

    fn with<T>(&self, change: impl FnOnce(&mut HashSet<[u8; 32]>) -> T) -> T {
        // One insert or one remove at a time: a panic cannot leave half of it.
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.all.with(|scopes| scopes.remove(&self.scope));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_runs_once_at_a_time() {
        let running = Running::default();
        let first = running.begin([1; 32]);
        assert!(first.is_some());
        assert!(running.begin([1; 32]).is_none());
        assert!(running.begin([2; 32]).is_some());
        drop(first);
        assert!(running.begin([1; 32]).is_some());
    }
}
