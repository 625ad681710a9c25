//! A report as a waterfall: one row for each lookup and attempt, one column for each moment.

use std::fmt;
use std::time::{Duration, Instant};

use crate::race::report::{
    Addresses, AttemptOutcome, AttemptReport, Destination, LookupOutcome, LookupReport, Outcome,
    Report, Span,
};
use crate::race::text::Time;

/// The bar of a lookup or an attempt that came to no result, or has not ended yet.
const PALE: char = '░';
/// The number of columns of the time axis.
const COLUMNS: usize = 48;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lookups = self.lookups.iter().map(|lookup| lookup_row(self, lookup));
        let attempts = self.attempts.iter().enumerate();
        let attempts = attempts.map(|(index, attempt)| attempt_row(self, index, attempt));
        let rows: Vec<Row> = lookups.chain(attempts).collect();

        let widest = |cell: fn(&Row) -> &str| {
            rows.iter().map(|row| cell(row).chars().count()).max().unwrap_or(0)
        };
        let (label, what, how) = (widest(|r| &r.label), widest(|r| &r.what), widest(|r| &r.how));
        let axis = Axis::over(self.elapsed());
        let title = Destination(self).to_string();
        let indent = (2 + label + 2 + what + 2 + how + 2).max(title.chars().count() + 2);
        write!(f, "{title:indent$}{axis}")?;
        for row in &rows {
            let Row { label: l, what: w, how: h, note, bar } = row;
            let cells = format!("  {l:label$}  {w:what$}  {h:>how$}  ");
            write!(f, "\n{}", format!("{cells:indent$}{}", axis.bar(bar)).trim_end())?;
            note.iter().try_for_each(|note| write!(f, "\n         {note}"))?;
        }
        for skipped in &self.skipped {
            write!(f, "\n  {skipped}")?;
        }
        self.counts().try_for_each(|count| write!(f, "\n  {count}"))?;
        write!(f, "\n  {}", ending(self))
    }
}

struct Row {
    label: String,
    what: String,
    how: String,
    /// The text that is too long for a cell, on a line of its own.
    note: Option<String>,
    bar: Bar,
}

/// The longest text of a cell, in characters.
const CELL: usize = 60;

impl Row {
    fn new(label: String, what: String, how: String, bar: Bar) -> Self {
        let fits = |text: &String| text.chars().count() <= CELL;
        let (what, how, note) = match (fits(&what), fits(&how)) {
            (true, true) => (what, how, None),
            (false, _) => (String::new(), how, Some(what)),
            (true, false) => (what, "failed".to_owned(), Some(how)),
        };
        Self { label, what, how, note, bar }
    }
}

/// A bar from `from` to `to`, since the call: `PALE` until TCP is connected, then `ink`.
struct Bar {
    from: Duration,
    up: Duration,
    to: Duration,
    ink: char,
}

fn bar(report: &Report, span: Span, tcp_up: Option<Instant>, ink: char) -> Bar {
    let since = |at: Instant| report.since_call(at);
    let to = span.to.map_or_else(|| report.elapsed(), since);
    Bar { from: since(span.from), up: since(tcp_up.unwrap_or(span.from)), to, ink }
}

fn lookup_row(report: &Report, lookup: &LookupReport) -> Row {
    let took = lookup.elapsed().map_or_else(String::new, |took| Time(took).to_string());
    let (what, how, ink) = match &lookup.outcome {
        LookupOutcome::Answered(answer) => (Addresses(answer).to_string(), took, '█'),
        LookupOutcome::Failed(error) => (error.to_string(), took, '▒'),
        LookupOutcome::Running => (String::new(), "running".to_owned(), PALE),
        LookupOutcome::Abandoned => (String::new(), "abandoned".to_owned(), PALE),
    };
    Row::new(lookup.record.to_string(), what, how, bar(report, lookup.span, None, ink))
}

fn attempt_row(report: &Report, index: usize, attempt: &AttemptReport) -> Row {
    let at = attempt.span.to.map_or(Duration::ZERO, |to| report.since_call(to));
    let (addr, label) = (attempt.addr.to_string(), format!("try {}", index + 1));
    let (what, how, ink) = match &attempt.outcome {
        AttemptOutcome::Won => (addr, format!("won at {}", Time(at)), '█'),
        AttemptOutcome::Failed(error) => (addr, attempt.words.of(error).to_string(), '▒'),
        AttemptOutcome::TimedOut => (addr, "timed out".to_owned(), PALE),
        AttemptOutcome::Cancelled => (addr, "cancelled".to_owned(), PALE),
        AttemptOutcome::Running => (addr, "running".to_owned(), PALE),
    };
    let ink = if attempt.tcp_up.is_some() && ink == PALE { '▓' } else { ink };
    Row::new(label, what, how, bar(report, attempt.span, attempt.tcp_up, ink))
}

/// The last line: the outcome of the call.
fn ending(report: &Report) -> String {
    let took = Time(report.elapsed());
    match (report.outcome, report.winner()) {
        (_, Some(won)) => format!("connected to {} after {took}", won.addr),
        (Outcome::Failed(kind), None) => format!("failed after {took}: {kind}"),
        (Outcome::Resolved, None) => format!("resolved after {took}"),
        (Outcome::Dropped, None) => format!("dropped by the caller after {took}"),
        (Outcome::Running | Outcome::Connected(_), None) => format!("running for {took}"),
    }
}

/// The time axis, from the call to its end, with a round step between the ticks.
struct Axis {
    whole: Duration,
    step: Duration,
}

impl Axis {
    fn over(elapsed: Duration) -> Self {
        let whole = elapsed.max(Duration::from_millis(1));
        let steps = (0..8).flat_map(|power| [1, 2, 5].map(|lead| lead * 10_u64.pow(power)));
        let fits = |step: &Duration| whole.as_micros() <= step.as_micros() * 4;
        let step = steps.map(Duration::from_millis).find(fits).unwrap_or(whole);
        Self { whole, step }
    }

    fn column(&self, at: Duration) -> usize {
        let share = at.as_secs_f64() / self.whole.as_secs_f64();
        ((share * COLUMNS as f64) as usize).min(COLUMNS)
    }

    /// A bar has at least one column, so that every event is visible.
    fn bar(&self, bar: &Bar) -> String {
        let from = self.column(bar.from).min(COLUMNS - 1);
        let to = self.column(bar.to).max(from + 1);
        let up = self.column(bar.up).clamp(from, to);
        let pale = std::iter::repeat_n(PALE, up - from);
        let ink = std::iter::repeat_n(bar.ink, to - up);
        std::iter::repeat_n(' ', from).chain(pale).chain(ink).collect()
    }
}

/// The ticks: `0ms        100       200       300`.
impl fmt::Display for Axis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = "0ms".to_owned();
        let ticks = (1..).map(|n| self.step * n).take_while(|at| *at <= self.whole);
        for at in ticks {
            let (column, used) = (self.column(at), line.chars().count());
            if column > used {
                line += &" ".repeat(column - used);
                line += &at.as_millis().to_string();
            }
        }
        f.write_str(&line)
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::Arc;

    use super::*;
    use crate::race::answer::Answer;
    use crate::race::answer::LookupErrorKind;
    use crate::race::endpoint::{Endpoint, EndpointOrigin};
    use crate::race::name::Name;
    use crate::race::ports::Ports;
    use crate::race::query::Record;
    use crate::race::report::{ErrorKind, ErrorWords};

    fn report() -> (Report, Instant) {
        let began = Instant::now();
        (Report::new(Arc::from("robur.coop"), Ports::from(443), began), began)
    }

    fn span(began: Instant, from: u64, to: u64) -> Span {
        let at = |ms| began + Duration::from_millis(ms);
        Span { called: began, from: at(from), to: Some(at(to)) }
    }

    fn attempt(addr: &str, span: Span, outcome: AttemptOutcome) -> AttemptReport {
        let endpoint = Endpoint::new(addr.parse().unwrap(), EndpointOrigin::List);
        let report = AttemptReport::starting(endpoint, ErrorWords::default(), span);
        AttemptReport { outcome, ..report }
    }

    fn lookup(record: Record, span: Span, outcome: LookupOutcome) -> LookupReport {
        let report = LookupReport::starting(Name::parse_lossy("robur.coop"), record, span);
        LookupReport { outcome, ..report }
    }

    #[test]
    fn a_won_race_is_drawn_as_a_waterfall() {
        let (mut report, t0) = report();
        let addrs = |text: &[&str]| {
            Answer::from(text.iter().map(|a| a.parse().unwrap()).collect::<Vec<std::net::IpAddr>>())
        };
        let answers = [
            (Record::Aaaa, 12, addrs(&["2001:db8::1", "2001:db8::2"])),
            (Record::A, 14, addrs(&["193.30.40.138"])),
        ];
        for (record, to, answer) in answers {
            let outcome = LookupOutcome::Answered(answer);
            report.lookups.push(lookup(record, span(t0, 0, to), outcome));
        }
        let v6 = attempt("[2001:db8::1]:443", span(t0, 12, 292), AttemptOutcome::Cancelled);
        let v4 = attempt("193.30.40.138:443", span(t0, 262, 292), AttemptOutcome::Won);
        report.attempts = smallvec::smallvec![v6, v4];
        report.close(Outcome::Connected(1), t0 + Duration::from_millis(292));
        let drawn = "\
robur.coop:443                                   0ms             100             200
  AAAA   2001:db8::1, 2001:db8::2          12ms  █
  A      193.30.40.138                     14ms  ██
  try 1  [2001:db8::1]:443            cancelled   ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░
  try 2  193.30.40.138:443         won at 292ms                                             █████
  connected to 193.30.40.138:443 after 292ms";
        assert_eq!(report.to_string(), drawn);
    }

    #[test]
    fn a_hostile_name_stays_on_its_line() {
        let (mut report, t0) = report();
        let answer = Answer::from(vec![SocketAddr::from(([192, 0, 2, 1], 0))]).with_name("a\nb");
        let outcome = LookupOutcome::Answered(answer);
        report.lookups.push(lookup(Record::A, span(t0, 0, 1), outcome));
        report.close(Outcome::Failed(ErrorKind::Connect), t0 + Duration::from_millis(1));
        assert_eq!(report.to_string().lines().count(), 3);
        assert!(report.to_string().contains("192.0.2.1 as a\\u{a}b"));
    }

    #[test]
    fn a_failed_lookup_shows_its_reason() {
        let (mut report, t0) = report();
        let outcome = LookupOutcome::Failed(LookupErrorKind::NoSuchName.into());
        report.lookups.push(lookup(Record::A, span(t0, 0, 7), outcome));
        report.close(Outcome::Failed(ErrorKind::NoSuchName), t0 + Duration::from_millis(7));
        assert!(report.to_string().ends_with("failed after 7ms: no such name"), "{report}");
    }
}
