//! The report as a page that stands alone.

use super::picture::{data_uri, difference};
use super::run::{Run, Shot};
use super::table::percent;
use super::{Case, Row};
use std::fmt::{self, Write};

/// Colours of lines, one for each client and link.
const LINES: [&str; 10] = [
    "#3b76c4", "#d9822b", "#2f9e6e", "#b5479b", "#c23b3b", "#6a5acd", "#0f9bb0", "#8a6d3b", "#7a8b2d",
    "#5c6877",
];
/// Colours of parts of bars.
const PARTS: [&str; 12] = [
    "#3b76c4", "#7fb2e5", "#2f9e6e", "#8fd0ae", "#d9822b", "#f0b878", "#b5479b", "#dc9dcd", "#c23b3b",
    "#6a5acd", "#8a6d3b", "#97a3b3",
];
/// Points of a line.
const POINTS: usize = 240;

/// Text with nothing in it that means something in HTML.
struct Plain<'a>(&'a str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            c if c.is_control() => f.write_char('\u{fffd}'),
            c => f.write_char(c),
        })
    }
}

/// Bytes for people: three digits and a unit.
fn human(bytes: u64) -> String {
    let b = bytes as f64;
    match bytes {
        0..1000 => format!("{bytes} B"),
        1000..10_000 => format!("{:.2} kB", b / 1e3),
        10_000..100_000 => format!("{:.1} kB", b / 1e3),
        100_000..1_000_000 => format!("{:.0} kB", b / 1e3),
        1_000_000..10_000_000 => format!("{:.2} MB", b / 1e6),
        10_000_000..100_000_000 => format!("{:.1} MB", b / 1e6),
        100_000_000..1_000_000_000 => format!("{:.0} MB", b / 1e6),
        _ => format!("{:.2} GB", b / 1e9),
    }
}

/// The whole page. It needs nothing but itself.
pub fn html(cases: &[Case]) -> String {
    let mut page = String::new();
    // Writing to a string does not fail.
    let _ = write_page(&mut page, cases);
    page
}

fn write_page(out: &mut String, cases: &[Case]) -> fmt::Result {
    let rows: Vec<Row> = cases.iter().map(Row::of).collect();
    let both: Vec<(&Case, &Row)> = cases.iter().zip(&rows).collect();
    let captures: Vec<&[(&Case, &Row)]> = both.chunk_by(|a, b| a.0.capture == b.0.capture).collect();
    write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Bandwidth: spice-render</title>\n<style>\n{}</style>\n</head>\n<body>\n<main>\n<h1>What clients cost \
         in bytes</h1>\n<p class=\"lead\">",
        include_str!("style.css")
    )?;
    let mut clients: Vec<&str> = cases.iter().map(|c| &c.client[..]).collect();
    let mut links: Vec<&str> = cases.iter().map(|c| &c.link.name[..]).collect();
    for names in [&mut clients, &mut links] {
        names.sort_unstable();
        names.dedup();
    }
    let count = |n: usize, what: &str| if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") };
    writeln!(
        out,
        "{}, {}, {}. Each recording was played by its own clock to a client that decodes and draws what it is sent, \
         and every flushed frame was compared with the true picture. Bytes count until everything is exact, one idle \
         second after the end.</p>",
        count(captures.len(), "recording"),
        count(clients.len(), "client"),
        count(links.len(), "link"),
    )?;
    if captures.len() > 1 {
        totals(out, &both)?;
    }
    out.push_str("<h2>Comparison</h2>\n<div class=\"card wide\">\n");
    comparison(out, &both)?;
    out.push_str("</div>\n");
    for cases in captures {
        capture(out, cases)?;
    }
    out.push_str(
        "<footer>“of naive”: bytes beside those of every command’s pixels as a QUIC or LZ image, the smaller. “of \
         frames”: beside those of the whole changed box at each flush. Lag is the time from the guest’s command to its \
         pixels on the client’s side: the wait for the flush, for the link, and the way there. CPU is one thread of \
         the server’s. PSNR and error are those of the worst flushed frame.</footer>\n</main>\n</body>\n</html>\n",
    );
    Ok(())
}

/// All recordings together, for each client and link.
fn totals(out: &mut String, both: &[(&Case, &Row)]) -> fmt::Result {
    let mut pairs: Vec<(&str, &str, [u64; 3], bool)> = Vec::new();
    for (case, row) in both {
        let found = pairs.iter_mut().position(|p| (p.0, p.1) == (&case.client[..], &case.link.name[..]));
        let at = found.unwrap_or_else(|| {
            pairs.push((&case.client, &case.link.name, [0; 3], true));
            pairs.len() - 1
        });
        let sums = &mut pairs[at];
        let figures = [row.bytes, row.baselines.naive, row.baselines.frames];
        sums.2.iter_mut().zip(figures).for_each(|(sum, n)| *sum += n);
        sums.3 &= case.run.last.is_none();
    }
    out.push_str(
        "<h2>All recordings together</h2>\n<div class=\"card wide\">\n<table>\n<thead><tr><th class=\"name\">client\
         </th><th class=\"name\">link</th><th>bytes</th><th>of naive</th><th>of frames</th><th>at the end</th></tr>\
         </thead>\n<tbody>\n",
    );
    let most = pairs.iter().map(|p| p.2[0]).max().unwrap_or(1).max(1);
    for (client, link, [bytes, naive, frames], exact) in pairs {
        writeln!(
            out,
            "<tr><td class=\"name\">{}</td><td class=\"name\">{}</td>{}<td>{}</td><td>{}</td>{}</tr>",
            Plain(client),
            Plain(link),
            Meter(bytes, most),
            percent(bytes, naive),
            percent(bytes, frames),
            End(exact),
        )?;
    }
    out.push_str("</tbody>\n</table>\n</div>\n");
    Ok(())
}

/// A cell with bytes and a bar beneath.
struct Meter(u64, u64);

impl fmt::Display for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = self.0 as f64 * 100.0 / self.1.max(1) as f64;
        write!(f, "<td class=\"meter\">{}<span style=\"width:{share:.1}%\"></span></td>", human(self.0))
    }
}

/// A cell that says whether the last picture is right.
struct End(bool);

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            true => "<td class=\"good\">exact</td>",
            false => "<td class=\"bad\">wrong</td>",
        })
    }
}

fn comparison(out: &mut String, both: &[(&Case, &Row)]) -> fmt::Result {
    out.push_str(
        "<table>\n<thead><tr><th class=\"name\">recording</th><th class=\"name\">client</th><th class=\"name\">link</th>\
         <th>bytes</th><th>kB/s</th><th>of naive</th><th>of frames</th><th>images</th><th>pixels sent /<br>changed</th>\
         <th>lag, ms<br>median</th><th><br>95 %</th><th><br>worst</th><th>CPU, ms<br>draw</th><th><br>encode</th>\
         <th><br>filter</th><th>flushed<br>frames</th><th>at the<br>end</th></tr></thead>\n<tbody>\n",
    );
    for group in both.chunk_by(|a, b| a.0.capture == b.0.capture) {
        let most = group.iter().map(|(_, row)| row.bytes).max().unwrap_or(1);
        for (i, (case, row)) in group.iter().enumerate() {
            let seconds = case.run.duration as f64 / 1e9;
            let rate =
                if seconds > 0.0 { format!("{:.1}", row.bytes as f64 / 1e3 / seconds) } else { "–".into() };
            let frames = match row.psnr {
                None => "<td class=\"good\">exact</td>".to_owned(),
                Some(psnr) => {
                    let (inexact, flushes) = (case.run.inexact, case.run.flushes);
                    format!(
                        "<td title=\"{inexact} of {flushes} lossy\">{psnr:.1} dB, ±{}</td>",
                        row.max_error
                    )
                }
            };
            writeln!(
                out,
                "<tr><td class=\"name\">{}</td><td class=\"name\">{}</td><td class=\"name\">{}</td>{}<td>{rate}</td>\
                 <td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{:.0}</td><td>{:.0}</td><td>{:.0}</td><td>{:.0}</td>\
                 <td>{:.0}</td><td>{:.1}</td>{frames}{}</tr>",
                if i == 0 { Plain(&row.capture) } else { Plain("") },
                Plain(&row.client),
                Plain(&row.link),
                Meter(row.bytes, most),
                percent(row.bytes, row.baselines.naive),
                percent(row.bytes, row.baselines.frames),
                row.images,
                percent(row.pixels_sent, row.pixels_changed),
                row.lag_ms.median,
                row.lag_ms.p95,
                row.lag_ms.worst,
                row.cpu_ms.draw,
                row.cpu_ms.encode,
                row.cpu_ms.filter,
                End(case.run.last.is_none()),
            )?;
        }
    }
    out.push_str("</tbody>\n</table>\n");
    Ok(())
}

fn capture(out: &mut String, cases: &[(&Case, &Row)]) -> fmt::Result {
    let Some((first, _)) = cases.first() else { return Ok(()) };
    let b = first.baselines;
    writeln!(
        out,
        "<h2>{}</h2>\n<p class=\"soft\">{:.1} s; without a planner {} (naive) or {} (frames).</p>",
        Plain(&first.capture),
        first.run.duration as f64 / 1e9,
        human(b.naive),
        human(b.frames),
    )?;
    out.push_str("<div class=\"card\">\n<h3>Bytes over time</h3>\n");
    chart(out, cases)?;
    out.push_str("</div>\n<div class=\"pair\">\n<div class=\"card\">\n<h3>Images by codec</h3>\n");
    let codecs = |row: &Row| row.bytes_by_codec.iter().map(|(k, v)| (*k, *v)).collect();
    bars(out, cases, codecs, human)?;
    out.push_str("</div>\n<div class=\"card\">\n<h3>Bytes by message</h3>\n");
    let messages = |row: &Row| row.bytes_by_message.iter().map(|(k, v)| (*k, *v)).collect();
    bars(out, cases, messages, human)?;
    out.push_str("</div>\n</div>\n<div class=\"card\">\n<h3>The guest’s operations on the screen</h3>\n");
    let operations = |row: &Row| {
        let o = row.operations;
        vec![("passed", o.passed), ("rewritten", o.rewritten), ("rasterised", o.rasterised)]
    };
    bars(out, cases, operations, |n| n.to_string())?;
    out.push_str("</div>\n<div class=\"card\">\n<h3>Pictures</h3>\n<div class=\"shots\">\n");
    if let Some((truth, _)) = cases.iter().find_map(|(case, _)| case.run.pictures.as_ref()) {
        shot(out, truth, "the true picture at the end")?;
    }
    for (case, row) in cases {
        pictures(out, &format!("{}, {}", row.client, row.link), &case.run)?;
    }
    out.push_str("</div>\n</div>\n");
    Ok(())
}

fn pictures(out: &mut String, name: &str, run: &Run) -> fmt::Result {
    if let Some((truth, shown)) = &run.pictures {
        let exact = if run.last.is_none() { "exact" } else { "not exact" };
        shot(out, shown, &format!("{name}: at the end, {exact}"))?;
        if !run.last.is_none()
            && let Some(d) = difference(truth, shown)
        {
            shot(out, &d, &format!("{name}: difference at the end, 8 times"))?;
        }
    }
    if let (Some((truth, shown)), Some(psnr)) = (&run.worst_pictures, run.worst.psnr()) {
        shot(out, shown, &format!("{name}: the worst flushed frame, {psnr:.1} dB"))?;
        if let Some(d) = difference(truth, shown) {
            shot(out, &d, &format!("{name}: its difference, 8 times"))?;
        }
    }
    Ok(())
}

fn shot(out: &mut String, shot: &Shot, caption: &str) -> fmt::Result {
    let Some(uri) = data_uri(shot) else { return Ok(()) };
    let caption = Plain(caption);
    writeln!(out, "<figure><img src=\"{uri}\" alt=\"{caption}\"><figcaption>{caption}</figcaption></figure>")
}

/// One bar for each case, as long as its sum, in parts.
fn bars(
    out: &mut String,
    cases: &[(&Case, &Row)],
    parts: impl Fn(&Row) -> Vec<(&'static str, u64)>,
    unit: impl Fn(u64) -> String,
) -> fmt::Result {
    let all: Vec<Vec<(&str, u64)>> = cases.iter().map(|(_, row)| parts(row)).collect();
    // The largest parts first, in the same order and colours in every bar.
    let mut names: Vec<(&str, u64)> = Vec::new();
    for (name, n) in all.iter().flatten() {
        match names.iter_mut().find(|known| known.0 == *name) {
            Some(known) => known.1 += n,
            None => names.push((name, *n)),
        }
    }
    names.retain(|n| n.1 > 0);
    names.sort_by_key(|n| (std::cmp::Reverse(n.1), n.0));
    let colour = |i: usize| PARTS[i.min(PARTS.len() - 1)];
    let most = all.iter().map(|parts| parts.iter().map(|p| p.1).sum::<u64>()).max().unwrap_or(0);
    if most == 0 {
        out.push_str("<p class=\"soft\">none</p>\n");
        return Ok(());
    }
    out.push_str("<div class=\"bars\">\n");
    for ((_, row), parts) in cases.iter().zip(&all) {
        let sum: u64 = parts.iter().map(|p| p.1).sum();
        write!(
            out,
            "<span>{}, {}</span><div><div class=\"bar\" style=\"width:",
            Plain(&row.client),
            Plain(&row.link)
        )?;
        write!(out, "{:.2}%\">", sum as f64 * 100.0 / most as f64)?;
        for (i, (name, _)) in names.iter().enumerate() {
            let n = parts.iter().find(|p| p.0 == *name).map_or(0, |p| p.1);
            if n > 0 {
                let width = n as f64 * 100.0 / sum as f64;
                let (colour, n) = (colour(i), unit(n));
                write!(out, "<b style=\"width:{width:.2}%;background:{colour}\" title=\"{name} {n}\"></b>")?;
            }
        }
        writeln!(out, "</div></div><span class=\"end\">{}</span>", unit(sum))?;
    }
    out.push_str("</div>\n<ul class=\"key\">\n");
    for (i, (name, _)) in names.iter().enumerate() {
        writeln!(out, "<li><i style=\"background:{}\"></i>{}</li>", colour(i), Plain(name))?;
    }
    out.push_str("</ul>\n");
    Ok(())
}

/// A round number of which at most five cover `most`.
fn step(most: f64) -> f64 {
    let mut unit = 10f64.powf((most.max(1e-9) / 5.0).log10().floor());
    for by in [2.0, 2.5, 2.0] {
        if unit * 5.0 >= most {
            break;
        }
        unit *= by;
    }
    unit
}

/// All bytes so far, a line for each case.
fn chart(out: &mut String, cases: &[(&Case, &Row)]) -> fmt::Result {
    const SIZE: (f64, f64) = (1100.0, 300.0);
    const LEFT: f64 = 64.0;
    const RIGHT: f64 = 1088.0;
    const TOP: f64 = 10.0;
    const BOTTOM: f64 = 272.0;
    let last = |run: &Run| run.sent.last().map_or(0, |s| s.0).max(run.duration);
    let end = cases.iter().map(|(case, _)| last(&case.run)).max().unwrap_or(0).max(1);
    let seconds = end as f64 / 1e9;
    let most = cases.iter().map(|(_, row)| row.bytes).max().unwrap_or(0).max(1) as f64;
    writeln!(out, "<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"bytes over time\">", SIZE.0, SIZE.1)?;
    let (dy, dx) = (step(most), step(seconds / 2.0));
    let top = (most / dy).ceil() * dy;
    let x_of = |s: f64| LEFT + (RIGHT - LEFT) * s / seconds;
    let y_of = |b: f64| BOTTOM - (BOTTOM - TOP) * b / top;
    let lines = |n: f64| 0..=(n + 1e-6).floor().clamp(0.0, 20.0) as u32;
    for i in lines(top / dy) {
        let (value, x) = (f64::from(i) * dy, LEFT - 8.0);
        let y = y_of(value);
        writeln!(out, "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{RIGHT}\"/>")?;
        writeln!(out, "<text x=\"{x}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>", y + 4.0, short(value))?;
    }
    for i in lines(seconds / dx) {
        let value = f64::from(i) * dx;
        let x = x_of(value);
        writeln!(out, "<path class=\"grid\" d=\"M{x:.1} {BOTTOM}v5\"/>")?;
        let text = format!("{}", (value * 1000.0).round() / 1000.0);
        writeln!(out, "<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{text} s</text>", BOTTOM + 19.0)?;
    }
    for (i, (case, _)) in cases.iter().enumerate() {
        let mut path = format!("M{LEFT} {BOTTOM}");
        let (mut sum, mut sent) = (0, case.run.sent.iter().peekable());
        let mut drawn = u64::MAX;
        for point in 0..=POINTS {
            let time = (u128::from(end) * point as u128 / POINTS as u128) as u64;
            while let Some((_, bytes)) = sent.next_if(|s| s.0 <= time) {
                sum += bytes;
            }
            // A level stretch needs no points but its ends.
            let next = sent.peek().map_or(u64::MAX, |s| s.0);
            let level = sum == drawn && point < POINTS && next > time + end / POINTS as u64 * 2;
            if !level {
                write!(path, "L{:.1} {:.1}", x_of(time as f64 / 1e9), y_of(sum as f64))?;
                drawn = sum;
            }
        }
        let colour = LINES[i % LINES.len()];
        let dash = ["", " stroke-dasharray=\"7 4\"", " stroke-dasharray=\"2 3\""][(i / LINES.len()).min(2)];
        writeln!(out, "<path class=\"line\" stroke=\"{colour}\"{dash} d=\"{path}\"/>")?;
    }
    out.push_str("</svg>\n<ul class=\"key\">\n");
    for (i, (_, row)) in cases.iter().enumerate() {
        let colour = LINES[i % LINES.len()];
        let (client, link) = (Plain(&row.client), Plain(&row.link));
        writeln!(
            out,
            "<li><i style=\"background:{colour}\"></i>{client}, {link}: {}</li>",
            human(row.bytes)
        )?;
    }
    out.push_str("</ul>\n");
    Ok(())
}

/// A round number of bytes.
fn short(bytes: f64) -> String {
    let (n, unit) = match bytes {
        b if b >= 1e9 => (b / 1e9, "GB"),
        b if b >= 1e6 => (b / 1e6, "MB"),
        b if b >= 1e3 => (b / 1e3, "kB"),
        b => (b, "B"),
    };
    format!("{} {unit}", (n * 100.0).round() / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_numbers() {
        assert_eq!(
            Plain("<a href='x'>&\"\u{7}").to_string(),
            "&lt;a href=&#39;x&#39;&gt;&amp;&quot;\u{fffd}"
        );
        assert_eq!(
            [0, 999, 1234, 12_345, 1_234_567].map(human),
            ["0 B", "999 B", "1.23 kB", "12.3 kB", "1.23 MB"]
        );
        for most in [1e-3, 0.7, 1.0, 3.0, 9.99, 10.0, 51.0, 999.0, 123_456.0] {
            let step = step(most);
            assert!(step * 5.0 >= most && step < most, "{most} {step}");
        }
        assert_eq!([short(2.5e6), short(400.0)], ["2.5 MB", "400 B"]);
        assert!(html(&[]).ends_with("</html>\n"));
    }
}
