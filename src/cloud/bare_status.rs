//! What an answer comes to whose code nobody knows, or that has none: by its HTTP status.
//!
//! Never: says no to what may have been taken.

use std::time::Duration;

use http::StatusCode;

use super::{Cause, Refusal, Verdict};

/// `said`: what is known of the answer.
pub(crate) fn verdict(status: StatusCode, said: String, wait: Option<Duration>) -> Verdict {
    let cause = match status {
        StatusCode::TOO_MANY_REQUESTS => Cause::Busy,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Cause::Config,
        status if status.is_client_error() => Cause::Other,
        // 5xx, a 2xx without a verdict, a redirection: whoever answered may have let it through before.
        _ => return Verdict::Unknown(said),
    };
    Verdict::Refused(Refusal { cause, said, wait })
}
