//! The language of texts for people: the group's own, unless `Accept-Language` prefers the other (http-api.md §0).

use http::{HeaderMap, header};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Language {
    Chinese,
    English,
}

/// `own`: what the group speaks to those who do not say.
pub(super) fn preferred(headers: &HeaderMap, own: Language) -> Language {
    let (mut chinese, mut english, mut any) = (None, None, None);
    let given = headers.get_all(header::ACCEPT_LANGUAGE).iter();
    let items = given.filter_map(|value| value.to_str().ok());
    for item in items.flat_map(|value| value.split(',')) {
        let mut pieces = item.split(';').map(str::trim);
        let tag = pieces.next().unwrap_or_default();
        let quality = pieces.find_map(|piece| piece.strip_prefix("q=")?.trim().parse::<f32>().ok());
        let quality = quality.unwrap_or(1.0).clamp(0.0, 1.0);
        let language = tag.split('-').next().unwrap_or_default();
        let best = match language.to_ascii_lowercase().as_str() {
            "zh" => &mut chinese,
            "en" => &mut english,
            "*" => &mut any,
            _ => continue,
        };
        *best = Some(best.map_or(quality, |known: f32| known.max(quality)));
    }
    let quality = |named: Option<f32>| named.or(any).unwrap_or(0.0);
    let (chinese, english) = (quality(chinese), quality(english));
    if chinese > english {
        Language::Chinese
    } else if english > chinese {
        Language::English
    } else {
        own
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_prefers_a_language_gets_it() {
        use Language::{Chinese, English};
        for (asked, own, answered) in [
            ("", Chinese, Chinese),
            ("", English, English),
            ("en", Chinese, English),
            ("en-GB,en;q=0.9,zh;q=0.8", Chinese, English),
            ("zh-CN,zh;q=0.9,en;q=0.8", English, Chinese),
            ("zh-Hans-CN", English, Chinese),
            ("EN;q=0.2, zh;q=0.1", Chinese, English),
            ("fr", Chinese, Chinese),
            ("fr, en;q=0.1", Chinese, English),
            ("*", Chinese, Chinese),
            ("zh;q=0, *", Chinese, English),
            ("en, zh", Chinese, Chinese),
            ("en;q=x", Chinese, English),
        ] {
            let mut headers = HeaderMap::new();
            if !asked.is_empty() {
                headers.insert(header::ACCEPT_LANGUAGE, asked.parse().unwrap());
            }
            assert_eq!(preferred(&headers, own), answered, "{asked}");
        }
    }
}
