//! What the answers of group A have in common: `{"code":0,"data":…,"message":"success"}`, and pages by number.

use axum::response::Response;
use http::Uri;
use serde::Serialize;

use super::answer;
use super::error::{ApiError, Problem};

#[derive(Debug, Serialize)]
struct EnvelopeJson<'a, T> {
    code: u16,
    data: &'a T,
    message: &'static str,
}

/// One page of a list.
#[derive(Debug, Serialize)]
pub(super) struct PageJson<T> {
    items: Vec<T>,
    total: i64,
    page: i64,
    size: i64,
}

pub(super) fn written(data: &impl Serialize) -> String {
    answer::written(&EnvelopeJson {
        code: 0,
        data,
        message: "success",
    })
}

/// The data in its envelope, with 200.
pub(super) fn shown(data: &impl Serialize) -> Response {
    answer::response(&crate::store::Answer {
        status: 200,
        location: None,
        body: written(data),
    })
}

/// Which page is asked for. Parameters that nobody knows are ignored; of one given twice the first counts.
#[derive(Debug)]
pub(super) struct Paging {
    given: Vec<(String, String)>,
    /// From 1.
    pub(super) page: i64,
    pub(super) size: i64,
}

const USUAL_SIZE: i64 = 10;
/// A larger one is reduced to it.
const LARGEST_SIZE: i64 = 100;

impl Paging {
    /// # Errors
    /// When `page` or `size` is no whole number from 1 on.
    pub(super) fn of(uri: &Uri) -> Result<Self, ApiError> {
        let query = uri.query().unwrap_or_default();
        let given: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        let mut paging = Self {
            given,
            page: 1,
            size: USUAL_SIZE,
        };
        paging.page = paging.number("page")?.unwrap_or(1);
        paging.size = paging
            .number("size")?
            .unwrap_or(USUAL_SIZE)
            .min(LARGEST_SIZE);
        Ok(paging)
    }

    pub(super) fn raw(&self, name: &str) -> Option<&str> {
        let found = self.given.iter().find(|(given, _)| given == name);
        found.map(|(_, value)| value.as_str())
    }

    fn number(&self, name: &str) -> Result<Option<i64>, ApiError> {
        let Some(text) = self.raw(name) else {
            return Ok(None);
        };
        let is_plain = !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
        let number = text.parse().ok().filter(|number| is_plain && *number >= 1);
        number.map(Some).ok_or_else(|| {
            ApiError::Invalid(vec![Problem {
                field: Some(name.into()),
                code: "invalid_request",
                message: format!("{name} must be a whole number from 1 on"),
            }])
        })
    }

    /// Items before the page.
    pub(super) fn skip(&self) -> i64 {
        (self.page - 1).saturating_mul(self.size)
    }

    pub(super) fn page_of<T>(&self, items: Vec<T>, total: i64) -> PageJson<T> {
        PageJson {
            items,
            total,
            page: self.page,
            size: self.size,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_asked_for_by_whole_numbers() {
        let asked = |query: &str| {
            let uri: Uri = format!("/template/sms/page?{query}").parse().unwrap();
            Paging::of(&uri).map(|paging| (paging.page, paging.size, paging.skip()))
        };
        assert_eq!(asked("").unwrap(), (1, 10, 0));
        assert_eq!(asked("page=3&size=20&colour=red").unwrap(), (3, 20, 40));
        assert_eq!(asked("size=1000").unwrap(), (1, 100, 0));
        for wrong in [
            "page=0", "page=-1", "page=x", "page=", "size=0", "size=1.5", "page=1e3",
        ] {
            assert!(asked(wrong).is_err(), "{wrong}");
        }
        assert!(asked("page=9223372036854775807&size=100").is_ok());
    }
}
