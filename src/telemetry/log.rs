//! Events as lines on standard error.
//!
//! One event is one line, whatever is in it: a text or a name from outside can neither begin a line of its own nor
//! move a terminal's cursor. [`escaped`] sees to that, in one place.

use std::fmt::{self, Write as _};
use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Registry, reload};

use super::printer::Printer;
use crate::domain::UnixMillis;

/// How lines look.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Form {
    /// `<6>` (syslog's priority) and no time: the journal adds its own.
    Journal,
    Json,
    /// Time, level, event.
    Text,
    /// Text with its levels in colour.
    ColouredText,
}

impl Form {
    /// What fits where standard error goes: the journal's form into the journal, else text.
    pub(crate) fn fitting(is_terminal: bool) -> Self {
        let journal = std::env::var("JOURNAL_STREAM").ok();
        let is_journal = journal.is_some_and(|stream| is_stream(&stream, io::stderr()));
        if is_journal && !is_terminal {
            Self::Journal
        } else {
            Self::text(is_terminal)
        }
    }

    /// Text, coloured for a terminal only.
    pub(crate) fn text(is_terminal: bool) -> Self {
        if is_terminal {
            Self::ColouredText
        } else {
            Self::Text
        }
    }
}

/// Whether `file` is the stream that systemd names `device:inode`. The variable alone proves nothing: it is inherited
/// by those whose output goes elsewhere.
fn is_stream(named: &str, file: impl AsFd) -> bool {
    rustix::fs::fstat(file)
        .is_ok_and(|stat| format!("{}:{}", stat.st_dev, stat.st_ino) == named.trim())
}

/// The running log; its level can be changed. Dropped, it sees to it that what was told is out.
#[derive(Debug)]
pub(crate) struct Logging {
    levels: reload::Handle<Targets, Registry>,
    printer: Printer,
}

/// So long the last lines may take. Nobody may be reading.
const LAST_LINES: Duration = Duration::from_secs(1);

impl Drop for Logging {
    fn drop(&mut self) {
        self.printer.flush(LAST_LINES);
    }
}

impl Logging {
    /// From now on events up to `level` are told.
    pub(crate) fn set_level(&self, level: Level) {
        // Fails only when the subscriber is gone, and then nobody listens.
        let _ = self.levels.reload(up_to(level));
    }
}

/// Starts the log of this process.
///
/// # Errors
/// When there can be no thread for it, or the process has a log already.
pub(crate) fn init(level: Level, form: Form) -> io::Result<Logging> {
    let (subscriber, logging) = subscriber(level, form, Printer::start(io::stderr())?);
    subscriber.try_init().map_err(io::Error::other)?;
    Ok(logging)
}

fn subscriber(
    level: Level,
    form: Form,
    printer: Printer,
) -> (impl Subscriber + Send + Sync, Logging) {
    let (filter, levels) = reload::Layer::new(up_to(level));
    // What cannot be logged would be told to standard error, and a panic follows when that is what is broken.
    let to = printer.clone();
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(move || to.clone())
        .log_internal_errors(false);
    let lines: Box<dyn tracing_subscriber::Layer<_> + Send + Sync> = match form {
        Form::Json => Box::new(lines.json().flatten_event(true).with_timer(Clock)),
        Form::Journal | Form::Text | Form::ColouredText => {
            Box::new(lines.event_format(Line(form)).fmt_fields(Pairs))
        }
    };
    let subscriber = Registry::default().with(filter).with(lines);
    (subscriber, Logging { levels, printer })
}

/// Our own events up to `level`; of the libraries no more than warnings: an HTTP library that tells all tells keys.
fn up_to(level: Level) -> Targets {
    Targets::new()
        .with_target(env!("CARGO_CRATE_NAME"), level)
        .with_default(LevelFilter::from_level(level.min(Level::WARN)))
}

/// The wall clock, in UTC.
struct Clock;

impl FormatTime for Clock {
    fn format_time(&self, w: &mut Writer<'_>) -> fmt::Result {
        let now = UnixMillis(jiff::Timestamp::now().as_millisecond());
        write!(w, "{now}")
    }
}

/// One event on one line: `part sent part=7 modem=m1`.
struct Line(Form);

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let level = *event.metadata().level();
        match self.0 {
            Form::Journal => write!(writer, "<{}>", priority(level))?,
            Form::ColouredText => {
                Clock.format_time(&mut writer)?;
                write!(writer, " {}{level:>5}\u{1b}[0m ", colour(level))?;
            }
            Form::Text | Form::Json => {
                Clock.format_time(&mut writer)?;
                write!(writer, " {level:>5} ")?;
            }
        }
        let mut pairs = PairWriter::default();
        event.record(&mut pairs);
        writer.write_str(pairs.line().trim_start())?;
        for span in context.event_scope().into_iter().flatten() {
            if let Some(fields) = span.extensions().get::<FormattedFields<N>>() {
                writer.write_str(fields)?;
            }
        }
        // Whoever asks for more than what happened wants to know where.
        if level >= Level::DEBUG {
            write!(writer, " at={}", event.metadata().target())?;
        }
        writeln!(writer)
    }
}

/// syslog(3).
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        Level::DEBUG | Level::TRACE => 7,
    }
}

fn colour(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\u{1b}[31m",
        Level::WARN => "\u{1b}[33m",
        Level::INFO => "\u{1b}[32m",
        Level::DEBUG | Level::TRACE => "\u{1b}[2m",
    }
}

/// The fields of a span, as they follow an event.
struct Pairs;

impl<'w> FormatFields<'w> for Pairs {
    fn format_fields<R>(&self, mut writer: Writer<'w>, fields: R) -> fmt::Result
    where
        R: tracing_subscriber::field::RecordFields,
    {
        let mut pairs = PairWriter::default();
        fields.record(&mut pairs);
        writer.write_str(&pairs.line())
    }

    fn add_fields(
        &self,
        current: &'w mut FormattedFields<Self>,
        fields: &tracing::span::Record<'_>,
    ) -> fmt::Result {
        self.format_fields(current.as_writer(), fields)
    }
}

/// Collects ` key=value` pairs; the message goes before them.
#[derive(Default)]
struct PairWriter {
    message: String,
    pairs: String,
}

impl PairWriter {
    fn line(&self) -> String {
        format!("{}{}", self.message, self.pairs)
    }

    fn add(&mut self, field: &Field, value: &str) {
        let value = escaped(value);
        if field.name() == "message" {
            self.message = format!(" {value}");
            return;
        }
        let is_word = !value.is_empty() && !value.contains([' ', '"', '=']);
        // Writing to a String cannot fail.
        let _ = if is_word {
            write!(self.pairs, " {}={value}", field.name())
        } else {
            let quoted = value.replace('"', "\\\"");
            write!(self.pairs, " {}=\"{quoted}\"", field.name())
        };
    }
}

impl Visit for PairWriter {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.add(field, &value.to_string());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, &format!("{value:?}"));
    }
}

/// Everything that could break a line, steer a terminal or turn the direction of writing, made visible.
fn escaped(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        let is_unruly = character.is_control()
            || matches!(
                character,
                '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            );
        if is_unruly {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Seek as _};

    use tracing::{debug, error, info, info_span, trace, warn};

    use super::*;

    /// What a log of this form says while `told` runs.
    fn heard(level: Level, form: Form, told: impl FnOnce(&Logging)) -> String {
        let mut file = tempfile::tempfile().unwrap();
        let printer = Printer::start(file.try_clone().unwrap()).unwrap();
        let (subscriber, logging) = subscriber(level, form, printer);
        tracing::subscriber::with_default(subscriber, || told(&logging));
        drop(logging);
        file.rewind().unwrap();
        let mut said = String::new();
        file.read_to_string(&mut said).unwrap();
        said
    }

    #[test]
    fn the_journal_gets_a_priority_and_no_time() {
        let said = heard(Level::DEBUG, Form::Journal, |_| {
            error!(modem = "m1", "modem lost");
            warn!("disk nearly full");
            info!(part = 7, mr = 255_u8, sent = true, "part sent");
            debug!("+CSQ: 20,99");
        });
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines[0], "<3>modem lost modem=m1");
        assert_eq!(lines[1], "<4>disk nearly full");
        assert_eq!(lines[2], "<6>part sent part=7 mr=255 sent=true");
        let here = module_path!();
        assert_eq!(lines[3], format!("<7>+CSQ: 20,99 at={here}"));
    }

    #[test]
    fn text_begins_with_the_time_and_is_coloured_only_where_it_was_asked_for() {
        let said = heard(Level::INFO, Form::Text, |_| info!("ready"));
        let (time, rest) = said.split_once(' ').unwrap();
        assert!(UnixMillis::parse_rfc3339(time).is_some(), "{said}");
        assert_eq!(time.len(), "2023-11-14T22:13:20.007Z".len());
        assert_eq!(rest, " INFO ready\n");

        let said = heard(Level::INFO, Form::ColouredText, |_| info!("ready"));
        assert!(
            said.ends_with("\u{1b}[32m INFO\u{1b}[0m ready\n"),
            "{said:?}"
        );
    }

    const UNRULY: &str = "hi\n<0>forged\r\u{1b}[2J\u{7}\u{85}\u{2028}\u{202e}\0end";

    #[test]
    fn whatever_a_text_contains_it_stays_on_its_line() {
        #[derive(Debug, thiserror::Error)]
        #[error("no\nway")]
        struct Refusal;

        for form in [Form::Journal, Form::Text, Form::ColouredText, Form::Json] {
            let said = heard(Level::INFO, form, |_| {
                let span = info_span!("in", name = UNRULY, late = tracing::field::Empty);
                let _entered = span.enter();
                span.record("late", UNRULY);
                let refusal: &dyn std::error::Error = &Refusal;
                info!(text = UNRULY, shown = %UNRULY, debug = ?UNRULY, refusal, "said {UNRULY}");
            });
            let body = said.strip_suffix('\n').unwrap();
            let level = body
                .split("[32m INFO\u{1b}[0m")
                .collect::<Vec<_>>()
                .join("");
            let plain = level.replacen('\u{1b}', "", usize::from(form == Form::ColouredText));
            assert!(!plain.contains('\n') && !plain.contains('\r'), "{said:?}");
            assert!(!plain.contains('\u{1b}'), "{said:?}");
            if form != Form::Json {
                assert!(!plain.contains(|c: char| c.is_control()), "{said:?}");
                assert!(!plain.contains(['\u{2028}', '\u{202e}']), "{said:?}");
            }
        }
    }

    #[test]
    fn a_value_cannot_pass_for_another_field() {
        let said = heard(Level::INFO, Form::Journal, |_| {
            info!(name = "x\" admin=\"yes", empty = "", "renamed");
        });
        assert_eq!(said, "<6>renamed name=\"x\\\" admin=\\\"yes\" empty=\"\"\n");
    }

    #[test]
    fn what_surrounds_an_event_is_told_with_it() {
        let said = heard(Level::INFO, Form::Journal, |_| {
            let _modem = info_span!("modem", modem = "m1").entered();
            let _part = info_span!("part", part = 7, to = tracing::field::Empty).entered();
            tracing::Span::current().record("to", "+86138****8000");
            info!("part sent");
        });
        assert_eq!(said, "<6>part sent part=7 to=+86138****8000 modem=m1\n");
    }

    #[test]
    fn json_is_one_object_per_line() {
        let said = heard(Level::INFO, Form::Json, |_| {
            info!(modem = "m1", text = "a\nb", "part sent");
        });
        assert_eq!(said.lines().count(), 1);
        let object: serde_json::Value = serde_json::from_str(&said).unwrap();
        assert_eq!(object["level"], "INFO");
        assert_eq!(object["message"], "part sent");
        assert_eq!(object["modem"], "m1");
        assert_eq!(object["text"], "a\nb");
        let time = object["timestamp"].as_str().unwrap();
        assert!(UnixMillis::parse_rfc3339(time).is_some(), "{time}");
    }

    #[test]
    fn the_journal_is_known_by_its_stream_and_not_by_a_variable_alone() {
        use std::os::linux::fs::MetadataExt as _;
        let file = tempfile::tempfile().unwrap();
        let metadata = file.metadata().unwrap();
        let named = format!("{}:{}", metadata.st_dev(), metadata.st_ino());
        assert!(is_stream(&named, &file));
        let other = format!("{}:{}", metadata.st_dev(), metadata.st_ino() + 1);
        assert!(!is_stream(&other, &file));
        assert!(!is_stream("", &file));
    }

    #[test]
    fn libraries_are_heard_only_when_they_warn() {
        let said = heard(Level::TRACE, Form::Journal, |_| {
            debug!(target: "h2::codec", "authorization: Bearer sk_");
            warn!(target: "hyper::proto", "odd request");
            trace!("> AT");
        });
        assert!(!said.contains("Bearer"), "{said}");
        assert!(
            said.contains("odd request") && said.contains("> AT"),
            "{said}"
        );
    }

    #[test]
    fn the_level_can_be_changed_while_it_runs() {
        let said = heard(Level::ERROR, Form::Journal, |logging| {
            info!("one");
            logging.set_level(Level::INFO);
            info!("two");
        });
        assert_eq!(said, "<6>two\n");
    }
}
