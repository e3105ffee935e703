//! **Segments**: into how many parts a text goes.

/// Parts of a text (23.040 §9.2.3.24.1), at least one.
pub(crate) fn count(text: &str) -> usize {
    let septets: Option<Vec<usize>> = text.chars().map(septets).collect();
    match septets {
        Some(septets) => parts(&septets, 160, 153),
        None => count_unicode(text),
    }
}

/// Parts of a text that is sent as UCS-2 whatever is in it.
pub(crate) fn count_unicode(text: &str) -> usize {
    let units: Vec<usize> = text.chars().map(char::len_utf16).collect();
    parts(&units, 70, 67)
}

/// What arrives of a text that is sent in the default alphabet whatever is in it.
pub(crate) fn as_gsm(text: &str) -> String {
    let arrives = |one: char| septets(one).map_or('?', |_| one);
    text.chars().map(arrives).collect()
}

/// A character is never cut in two.
fn parts(sizes: &[usize], alone: usize, together: usize) -> usize {
    if sizes.iter().sum::<usize>() <= alone {
        return 1;
    }
    let (mut count, mut filled) = (1, 0);
    for size in sizes {
        if filled + size > together {
            count += 1;
            filled = 0;
        }
        filled += size;
    }
    count
}

/// Septets of one character; `None`: it is not in the alphabet.
fn septets(one: char) -> Option<usize> {
    match one {
        ' '..='Z' => Some(1),
        'a'..='z' | '\n' | '\r' | '_' => Some(1),
        _ if BEYOND_ASCII.contains(one) => Some(1),
        _ if EXTENDED.contains(one) => Some(2),
        _ => None,
    }
}

const BEYOND_ASCII: &str = "£¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà";
const EXTENDED: &str = "^{}\\[~]|€\u{c}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_the_parts_that_the_air_has() {
        assert_eq!(count(""), 1);
        assert_eq!(count(&"a".repeat(160)), 1);
        assert_eq!(count(&"a".repeat(161)), 2);
        assert_eq!(count(&"€".repeat(80)), 1);
        // 76 of them and one septet left over in each part.
        assert_eq!(count(&"€".repeat(153)), 3);
        assert_eq!(count(&"字".repeat(70)), 1);
        assert_eq!(count(&"字".repeat(71)), 2);
        assert_eq!(count(&"@".repeat(160)), 1);
        assert_eq!(count(&"`".repeat(71)), 2);
        assert_eq!(count_unicode(&"a".repeat(71)), 2);
        assert_eq!(as_gsm("5 € für 字"), "5 € für ?");
    }
}
