//! Lists in pages: `limit`, and a cursor that is valid for its own list only.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::error::ApiError;
use super::extract::Query;

/// What a list answers.
#[derive(Debug, Serialize)]
pub(super) struct Listing<T> {
    pub(super) data: Vec<T>,
    pub(super) next_cursor: Option<String>,
    pub(super) has_more: bool,
}

const USUAL_LIMIT: u32 = 50;
const LARGEST_LIMIT: u32 = 200;

/// The page's size; 50 when none is asked for.
pub(super) fn limit(query: &mut Query) -> u32 {
    let read = query.read("limit", "must be 1 to 200", |limit| {
        let limit = limit.parse().ok()?;
        (1..=LARGEST_LIMIT).contains(&limit).then_some(limit)
    });
    read.unwrap_or(USUAL_LIMIT)
}

/// What a list was asked for, as the few octets by which its cursors are known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ListId([u8; 8]);

impl ListId {
    /// `pieces`: the path, who asks, and every filter.
    pub(super) fn of<'a>(pieces: impl IntoIterator<Item = Option<&'a str>>) -> Self {
        let mut hash = Sha256::new();
        for piece in pieces {
            // With its length before it: "ab" and "c" are not "a" and "bc"; and nothing is not "".
            hash.update(
                piece
                    .map_or(u64::MAX, |piece| piece.len() as u64)
                    .to_be_bytes(),
            );
            hash.update(piece.unwrap_or_default());
        }
        Self(first_eight(hash))
    }

    /// A cursor behind the item with this position.
    pub(super) fn behind(self, position: i64) -> String {
        let position = position.to_be_bytes();
        let seal = self.seal(position);
        URL_SAFE_NO_PAD.encode([position, seal].concat())
    }

    /// The position behind which `cursor` stands.
    ///
    /// # Errors
    /// `invalid_cursor` when it is another list's, or damaged.
    pub(super) fn position(self, cursor: &str) -> Result<i64, ApiError> {
        let octets = URL_SAFE_NO_PAD
            .decode(cursor)
            .map_err(|_| ApiError::Cursor)?;
        let halves: Option<([u8; 8], [u8; 8])> = octets
            .split_at_checked(8)
            .and_then(|(position, seal)| Some((position.try_into().ok()?, seal.try_into().ok()?)));
        match halves {
            Some((position, seal)) if seal == self.seal(position) => {
                Ok(i64::from_be_bytes(position))
            }
            _ => Err(ApiError::Cursor),
        }
    }

    /// Guards against mistakes, not against malice: whoever makes up a position sees only what is theirs.
    fn seal(self, position: [u8; 8]) -> [u8; 8] {
        first_eight(Sha256::new().chain_update(self.0).chain_update(position))
    }
}

fn first_eight(hash: Sha256) -> [u8; 8] {
    let digest: [u8; 32] = hash.finalize().into();
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_valid_for_its_own_list_only() {
        let list = ListId::of([Some("/v1/messages"), Some("sent"), None]);
        let cursor = list.behind(42);
        assert_eq!(list.position(&cursor).unwrap(), 42);
        for other in [
            ListId::of([Some("/v1/messages"), Some("failed"), None]),
            ListId::of([Some("/v1/messages"), Some("sent"), Some("")]),
            ListId::of([Some("/v1/messages"), None, Some("sent")]),
        ] {
            assert!(other.position(&cursor).is_err());
        }
    }

    #[test]
    fn a_damaged_cursor_is_refused() {
        let list = ListId::of([Some("/v1/messages")]);
        let cursor = list.behind(42);
        let moved = URL_SAFE_NO_PAD.encode([43i64.to_be_bytes(), [0; 8]].concat());
        for damaged in [
            "",
            "x",
            "!!",
            &cursor[1..],
            &moved,
            &format!("{cursor}AAAA"),
        ] {
            assert!(list.position(damaged).is_err(), "{damaged}");
        }
    }
}
