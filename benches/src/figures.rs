//! How figures are told and judged.

use std::time::Duration;

/// One line of a table: a figure beside what is asked for and beside the peer of the same run.
#[derive(Debug)]
pub struct Figure {
    /// What was measured.
    pub name: String,
    /// Ours.
    pub ours: f64,
    /// The most that ours may be; `None` where nothing is asked for.
    pub at_most: Option<f64>,
    /// The peer's name and its figure.
    pub peer: Option<(&'static str, f64)>,
    /// `ms`, `s per GB`.
    pub unit: &'static str,
}

impl Figure {
    /// Is it within its limit?
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.at_most.is_none_or(|limit| self.ours <= limit)
    }
}

/// Prints figures as a table and says whether all are within their limits.
pub fn print_table(title: &str, figures: &[Figure]) -> bool {
    println!("\n{title}\n\n| metric | target | ours | peer | peer / ours |\n|---|---|---|---|---|");
    for figure in figures {
        let target = figure.at_most.map_or_else(|| "-".to_owned(), |limit| format!("<= {limit} {}", figure.unit));
        let mark = if figure.is_good() { "" } else { " **missed**" };
        let (peer, ratio) = figure.peer.map_or_else(
            || ("-".to_owned(), "-".to_owned()),
            |(name, theirs)| {
                (format!("{name} {} {}", rounded(theirs), figure.unit), format!("{:.2}", theirs / figure.ours))
            },
        );
        println!("| {} | {target} | {} {}{mark} | {peer} | {ratio} |", figure.name, rounded(figure.ours), figure.unit);
    }
    figures.iter().all(Figure::is_good)
}

/// Three digits that mean something.
#[must_use]
pub fn rounded(figure: f64) -> String {
    match figure.abs() {
        size if size >= 100.0 => format!("{figure:.0}"),
        size if size >= 10.0 => format!("{figure:.1}"),
        size if size >= 1.0 => format!("{figure:.2}"),
        _ => format!("{figure:.3}"),
    }
}

/// Milliseconds.
#[must_use]
pub fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Mebibytes.
#[must_use]
pub fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// The time that `share` (0 to 1) of all times do not exceed; zero of none.
#[must_use]
pub fn percentile(times: &[Duration], share: f64) -> Duration {
    let mut times = times.to_vec();
    times.sort_unstable();
    let rank = (times.len() as f64 * share).ceil() as usize;
    times.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

/// The middle one.
#[must_use]
pub fn median(times: &[Duration]) -> Duration {
    percentile(times, 0.5)
}
