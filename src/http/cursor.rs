//! Lists in pages: `limit`, and a cursor that is valid for its own list only.

use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Uri;
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

/// What is asked of a list without filters.
#[derive(Debug)]
pub(super) struct Page {
    list: ListId,
    /// Only what stands behind this position.
    pub(super) before: Option<i64>,
    pub(super) limit: u32,
}

impl Page {
    /// `sees`: in which name space, if the list is not the same in all.
    ///
    /// # Errors
    /// For a parameter that it does not have, and a cursor of another list.
    pub(super) fn of(uri: &Uri, sees: Option<&str>) -> Result<Self, ApiError> {
        let mut query = Query::of(uri, &["limit", "cursor"])?;
        let limit = limit(&mut query);
        if !query.problems.is_empty() {
            return Err(ApiError::Invalid(query.problems));
        }
        let list = ListId::of([Some(uri.path()), sees]);
        let cursor = query.raw("cursor");
        let before = cursor.map(|cursor| list.position(cursor)).transpose()?;
        Ok(Self {
            list,
            before,
            limit,
        })
    }

    /// One more than the page has shows whether there is another.
    pub(super) fn one_more(&self) -> u32 {
        self.limit + 1
    }

    /// Leaves the page of what was found; answers the cursor behind it and whether there is more.
    pub(super) fn cut<R>(
        &self,
        found: &mut Vec<R>,
        position: impl Fn(&R) -> i64,
    ) -> (Option<String>, bool) {
        let size = self.limit as usize;
        let has_more = found.len() > size;
        found.truncate(size);
        let last = found.last().filter(|_| has_more);
        (last.map(|last| self.list.behind(position(last))), has_more)
    }

    /// Which of a list in memory are on the page, the cursor behind them and whether there is more.
    pub(super) fn range(&self, all: usize) -> (Range<usize>, Option<String>, bool) {
        let from = usize::try_from(self.before.unwrap_or(0)).unwrap_or(all);
        let (from, end) = (from.min(all), from.saturating_add(self.limit as usize));
        let next = (end < all).then(|| self.list.behind(i64::try_from(end).unwrap_or(i64::MAX)));
        (from..end.min(all), next, end < all)
    }
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
