//! What a bench prints, and the arithmetic behind it.

use std::path::Path;

use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

use super::CommandError;

pub(super) type Figures = Vec<(&'static str, Value)>;

pub(super) fn show(figures: &Figures, as_json: bool) {
    if as_json {
        println!("{}", object(figures));
        return;
    }
    for (name, value) in figures {
        match value.as_str() {
            Some(text) => println!("{name:<26} {text}"),
            None => println!("{name:<26} {value}"),
        }
    }
}

/// By name, without what sets it in; a figure that was taken several times is a list.
fn object(figures: &Figures) -> Value {
    let mut object = serde_json::Map::new();
    for (name, value) in figures {
        match object.get_mut(name.trim_start()) {
            None => drop(object.insert(name.trim_start().to_owned(), value.clone())),
            Some(Value::Array(values)) => values.push(value.clone()),
            Some(first) => *first = json!([first.take(), value]),
        }
    }
    Value::Object(object)
}

pub(super) fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

/// Of ascending values; 0 when there are none.
pub(super) fn percentile(ascending: &[f64], percent: usize) -> f64 {
    let at = (ascending.len() * percent).div_ceil(100).saturating_sub(1);
    ascending.get(at).copied().unwrap_or(0.0)
}

pub(super) fn rounded(value: f64, digits: i32) -> Value {
    let scale = 10f64.powi(digits);
    json!((value * scale).round() / scale)
}

#[allow(clippy::cast_precision_loss)]
pub(super) fn count(value: u64) -> f64 {
    value as f64
}

pub(super) fn monotonic_ns() -> f64 {
    let now = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(now.tv_nsec).unwrap_or(0);
    count(seconds * 1_000_000_000 + nanos)
}

/// What one durable write of a page costs on this disk.
pub(super) fn fsync_p50(folder: &Path) -> Result<f64, CommandError> {
    use std::io::{Seek, SeekFrom, Write};
    let path = folder.join("fsync");
    let measured = || -> std::io::Result<Vec<f64>> {
        let mut file = std::fs::File::create(&path)?;
        let mut waits = Vec::new();
        for round in 0..200u64 {
            let started = std::time::Instant::now();
            file.seek(SeekFrom::Start(round % 64 * 4096))?;
            file.write_all(&[0; 4096])?;
            file.sync_data()?;
            waits.push(started.elapsed().as_secs_f64() * 1e3);
        }
        Ok(waits)
    };
    let waits = measured().map_err(|error| CommandError::Failed(error.to_string()))?;
    Ok(percentile(&sorted(waits), 50))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_of_several_measurements_is_a_list_in_json() {
        let figures = vec![
            ("modems", json!(4)),
            ("  idle", json!(0.5)),
            ("modems", json!(16)),
            ("  idle", json!(0.75)),
            ("modems", json!(64)),
        ];
        assert_eq!(
            object(&figures),
            json!({ "modems": [4, 16, 64], "idle": [0.5, 0.75] })
        );
    }

    #[test]
    fn a_percentile_is_a_value_that_was_measured() {
        let waits: Vec<f64> = (1..=200).map(f64::from).collect();
        assert_eq!(percentile(&waits, 50), 100.0);
        assert_eq!(percentile(&waits, 99), 198.0);
        assert_eq!(percentile(&waits, 100), 200.0);
        assert_eq!(percentile(&[], 50), 0.0);
    }
}
