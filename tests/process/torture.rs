//! The gateway is killed again and again while callers send and phones write, and in the end the books are compared:
//! what the network took, what the callers were told, what the API says.
//!
//! 0 lost; 0 doubled except what the API names, and only in categories whose policy allows it. `TORTURE=200` is the
//! long form (a number of kills), `SEED` another course of events. The figures are written to `target/tmp`.

mod callers;
mod ground;
mod judge;
mod phones;

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::daemon::{Daemon, PATIENCE, Site, until};
use callers::{Callers, Whereabouts};
use ground::Ground;
use phones::Phones;

const MODEMS: usize = 8;
const USUAL_KILLS: usize = 20;
const LATENCY: Duration = Duration::from_millis(40);

#[test]
fn twenty_kills_lose_nothing_and_double_only_what_the_api_names() {
    let course = Course {
        kills: number("TORTURE", USUAL_KILLS),
        trouble: Duration::ZERO..Duration::ZERO,
    };
    torture("torture", Ground::plain, course);
}

#[test]
fn a_disk_that_fills_up_between_kills_loses_nothing_and_doubles_nothing_unannounced() {
    if !ground::may_mount() {
        println!("skipped: unshare may not mount a file system here");
        return;
    }
    let course = Course {
        kills: 5,
        trouble: Duration::from_millis(300)..Duration::from_millis(1500),
    };
    torture("torture-full-disk", Ground::small, course);
}

#[test]
fn an_fsync_that_fails_now_and_then_loses_nothing_and_doubles_nothing_unannounced() {
    let course = Course {
        kills: 5,
        trouble: Duration::from_millis(300)..Duration::from_millis(1500),
    };
    torture("torture-failing-fsync", Ground::failing_fsync, course);
}

/// What befalls the gateway.
struct Course {
    kills: usize,
    /// Before each kill the disk is in trouble for so long; then it is well again, and the gateway must be, too.
    trouble: std::ops::Range<Duration>,
}

/// When a kill comes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Moment {
    Starting,
    JustStarted,
    Running,
}

#[derive(Debug, Default)]
struct Kills {
    while_starting: usize,
    in_quick_succession: usize,
    all: usize,
}

fn torture(name: &str, lay: fn(&Site) -> Ground, course: Course) {
    let seed = number("SEED", 1) as u64;
    let began = Instant::now();
    let mut rng = StdRng::seed_from_u64(seed);
    let site = Site::new(MODEMS, LATENCY);
    let ground = lay(&site);
    let mut daemon = Daemon::start(&mut ground.command(&site));
    let whereabouts = Whereabouts::of(&daemon.address, ground.key());
    let callers = Callers::start(&whereabouts, seed);
    let phones = Phones::start(site.phones(), MODEMS, seed);
    let mut kills = Kills::default();
    while kills.all < course.kills {
        daemon = live_a_while(daemon, &ground, &whereabouts, &course, &mut rng);
        let mut next = Moment::Running;
        daemon.kill();
        kills.all += 1;
        while next != Moment::JustStarted && rng.random_bool(0.4) && kills.all < course.kills {
            next = match rng.random_bool(0.5) {
                true => Moment::Starting,
                false => Moment::JustStarted,
            };
            kills.all += 1;
            match next {
                Moment::Starting => {
                    kills.while_starting += 1;
                    killed_while_starting(&ground, &site, millis(&mut rng, 0..250));
                }
                _ => {
                    kills.in_quick_succession += 1;
                    let daemon = Daemon::start(&mut ground.command(&site));
                    std::thread::sleep(millis(&mut rng, 0..150));
                    daemon.kill();
                }
            }
        }
        daemon = Daemon::start(&mut ground.command(&site));
        whereabouts.moved(&daemon.address);
    }
    let wrote = phones.finish();
    let asked = callers.finish();
    let verdict = judge::judge(&site, &daemon, ground.key(), &asked, &wrote, kills.all);
    let figures = format!(
        "{name}, seed {seed}: {} kills ({} while it started, {} just after), {MODEMS} modems, {} s\n{verdict}",
        kills.all,
        kills.while_starting,
        kills.in_quick_succession,
        began.elapsed().as_secs(),
    );
    println!("{figures}");
    let folder = env!("CARGO_TARGET_TMPDIR");
    std::fs::write(format!("{folder}/{name}.txt"), &figures).unwrap();
    if !verdict.problems.is_empty() {
        let kept = site.keep();
        panic!("{figures}\nkept for a look: {}", kept.display());
    }
}

/// Sends and receives, with the disk in trouble in the middle where the course says so. The moment of the kill that
/// follows is chance: an answer, an intent, a PDU in the air.
fn live_a_while(
    mut daemon: Daemon,
    ground: &Ground,
    whereabouts: &Whereabouts,
    course: &Course,
    rng: &mut StdRng,
) -> Daemon {
    std::thread::sleep(millis(rng, 200..2500));
    if course.trouble.is_empty() {
        return daemon;
    }
    ground.trouble();
    let span = rng.random_range(course.trouble.clone());
    std::thread::sleep(span);
    ground.trouble_ends();
    let answered = whereabouts.answered();
    let lives = daemon.child.try_wait().unwrap().is_none();
    assert!(lives, "it ended in trouble of the disk");
    // Without a restart it takes texts again.
    until("a text is accepted after the trouble", || {
        (whereabouts.answered() > answered).then_some(())
    });
    std::thread::sleep(millis(rng, 0..300));
    daemon
}

fn killed_while_starting(ground: &Ground, site: &Site, after: Duration) {
    let mut child = ground
        .command(site)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap();
}

fn millis(rng: &mut StdRng, range: std::ops::Range<u64>) -> Duration {
    Duration::from_millis(rng.random_range(range))
}

fn number(name: &str, usual: usize) -> usize {
    let given = std::env::var(name).ok();
    given.map_or(usual, |given| given.parse().unwrap())
}

/// What is asked for and is not there yet after all other kills and tries had their time.
const SETTLING: Duration = PATIENCE.saturating_mul(3);
