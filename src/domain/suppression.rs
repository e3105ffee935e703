//! Numbers that are not to be written to, and the words by which their owners say so themselves (semantics §10).

use super::{Category, NumberRules};

/// Why a number is suppressed: a word of whoever did it. Two of them mean something.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reason(String);

impl Reason {
    /// Its owner wrote a stop word.
    pub const STOP: &'static str = "stop";
    /// Not even codes go there.
    pub const BLOCK: &'static str = "block";

    /// 1 to 32 of `a-z`, `0-9`, `-` and `_`.
    pub fn parse(text: &str) -> Option<Self> {
        let is_word = text.bytes().all(|octet| {
            octet.is_ascii_lowercase() || octet.is_ascii_digit() || b"-_".contains(&octet)
        });
        (is_word && (1..=32).contains(&text.len())).then(|| Self(text.to_owned()))
    }

    pub fn stop() -> Self {
        Self(Self::STOP.to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a text that came in asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wish {
    Stop,
    Start,
}

/// What holds for suppressions: `inbound.stop_words`, `inbound.start_words`, `inbound.stop_categories`.
#[derive(Clone, Debug)]
pub struct StopRules {
    stop_words: Vec<String>,
    start_words: Vec<String>,
    stop_categories: Vec<Category>,
    /// How a sender's number is read.
    pub numbers: NumberRules,
}

impl StopRules {
    pub const STOP_WORDS: [&str; 5] = ["STOP", "STOPALL", "UNSUBSCRIBE", "退订", "TD"];
    pub const START_WORDS: [&str; 3] = ["START", "UNSTOP", "订阅"];
    pub const STOP_CATEGORIES: [Category; 3] = [
        Category::Transactional,
        Category::Notification,
        Category::Bulk,
    ];

    pub fn new(
        stop_words: &[String],
        start_words: &[String],
        stop_categories: Vec<Category>,
        numbers: NumberRules,
    ) -> Self {
        let folded = |words: &[String]| words.iter().map(|word| folded(word)).collect();
        Self {
            stop_words: folded(stop_words),
            start_words: folded(start_words),
            stop_categories,
            numbers,
        }
    }

    /// What the text asks for: all of it must be one of the words.
    pub fn wish(&self, text: &str) -> Option<Wish> {
        let text = folded(text);
        if self.stop_words.contains(&text) {
            return Some(Wish::Stop);
        }
        self.start_words.contains(&text).then_some(Wish::Start)
    }

    /// Whether a suppression for this reason holds back a message of this category.
    pub fn holds_back(&self, reason: &Reason, category: Category) -> bool {
        match reason.as_str() {
            Reason::BLOCK => true,
            Reason::STOP => self.stop_categories.contains(&category),
            _ => category != Category::Otp,
        }
    }
}

/// Those of a config that says nothing of them, for numbers of China.
impl Default for StopRules {
    fn default() -> Self {
        let words = |words: &[&str]| -> Vec<String> {
            words.iter().map(|word| (*word).to_owned()).collect()
        };
        Self::new(
            &words(&Self::STOP_WORDS),
            &words(&Self::START_WORDS),
            Self::STOP_CATEGORIES.to_vec(),
            NumberRules::new("CN", false).expect("CN is in the table of regions"),
        )
    }
}

/// As words are compared: without the space around them, and in whatever case.
fn folded(text: &str) -> String {
    text.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_counts_only_when_it_is_the_whole_text() {
        for (text, wish) in [
            ("STOP", Some(Wish::Stop)),
            ("  stop\n", Some(Wish::Stop)),
            ("退订", Some(Wish::Stop)),
            ("td", Some(Wish::Stop)),
            ("Start", Some(Wish::Start)),
            ("订阅", Some(Wish::Start)),
            ("please STOP", None),
            ("STOP.", None),
            ("nonstop", None),
            ("", None),
        ] {
            assert_eq!(StopRules::default().wish(text), wish, "{text:?}");
        }
    }

    #[test]
    fn a_reason_decides_what_is_held_back() {
        use Category::*;
        for (reason, held) in [
            (
                "block",
                &[Otp, Alert, Transactional, Notification, Bulk][..],
            ),
            ("stop", &[Transactional, Notification, Bulk]),
            ("complaint", &[Alert, Transactional, Notification, Bulk]),
        ] {
            let reason = Reason::parse(reason).unwrap();
            let holds = |category: &Category| StopRules::default().holds_back(&reason, *category);
            let all: Vec<Category> = Category::ALL.into_iter().filter(holds).collect();
            assert_eq!(all, held, "{reason:?}");
        }
    }

    #[test]
    fn a_reason_is_a_word() {
        for text in ["", "Stop", "two words", "x\n", &"x".repeat(33)] {
            assert_eq!(Reason::parse(text), None, "{text:?}");
        }
        assert!(Reason::parse("bounced_2-times").is_some());
    }
}
