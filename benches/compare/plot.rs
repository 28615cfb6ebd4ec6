//! One picture of the results: throughput against rclone, and latency with a provider 10 ms away.

use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::behind::ASKED;
use crate::results::{Results, behind, racing};
use crate::systems::System;
use crate::workload::WORKLOADS;

const SIZE: (u32, u32) = (1000, 760);
/// Where the second chart begins.
const SECOND: i32 = 440;
/// Milliseconds added at the provider in the second chart.
const AWAY: u64 = 10;
const FONT: &str = "sans-serif";

/// A group of bars beside one another; none where there is no figure.
struct Group {
    name: &'static str,
    bars: Vec<Option<f64>>,
}

/// Draws into `path`, if there is enough to draw.
pub fn draw(results: &Results, path: &Path) -> bool {
    let tls = WORKLOADS.iter().any(|workload| results.rate(racing(System::Rclone, true, workload.name)).is_some());
    let race = against_rclone(results, tls);
    let away = from_away(results);
    if race.is_empty() && away.is_empty() {
        return false;
    }
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE).unwrap();
    let (upper, lower) = root.split_vertically(SECOND);
    let protection = if tls { "with TLS" } else { "without TLS" };
    if !race.is_empty() {
        let systems = [System::EcluseMd5, System::EcluseOpaque, System::Nginx];
        let caption = format!("Throughput as a multiple of rclone serve s3 + crypt, {protection} (logarithmic)");
        chart(&upper, &caption, &race, &systems, f64::log10);
    }
    if !away.is_empty() {
        let caption = format!("p50 with a provider {AWAY} ms away, milliseconds");
        chart(&lower, &caption, &away, &[System::Provider, System::EcluseBefore], |value| value);
    }
    root.present().unwrap();
    true
}

fn against_rclone(results: &Results, tls: bool) -> Vec<Group> {
    let group = |name: &'static str| {
        let rclone = racing(System::Rclone, tls, name);
        let of = |system| results.ratio(racing(system, tls, name), rclone).map(|ratio| ratio.median);
        let bars = [System::EcluseMd5, System::EcluseOpaque, System::Nginx].map(of).to_vec();
        bars.iter().any(Option::is_some).then_some(Group { name, bars })
    };
    WORKLOADS.iter().filter_map(|workload| group(workload.name)).collect()
}

fn from_away(results: &Results) -> Vec<Group> {
    let group = |name: &'static str| {
        let of = |system| results.latency(behind(system, AWAY, name)).map(|latency| latency.p50_us as f64 / 1e3);
        let bars = [System::Provider, System::EcluseBefore].map(of).to_vec();
        bars.iter().any(Option::is_some).then_some(Group { name, bars })
    };
    ASKED.into_iter().filter_map(group).collect()
}

/// One chart: a group of bars for each workload, with their values on top and no axes.
fn chart(
    area: &DrawingArea<SVGBackend<'_>, Shift>,
    caption: &str,
    groups: &[Group],
    systems: &[System],
    scale: fn(f64) -> f64,
) {
    let all = || groups.iter().flat_map(|group| group.bars.iter().flatten().copied()).map(scale);
    let (low, high) = (all().fold(0.0, f64::min), all().fold(0.0, f64::max));
    let (below, above) = ((high - low) * 0.08, (high - low) * 0.18);
    let width = groups.len() as f64;
    let mut chart = ChartBuilder::on(area)
        .caption(caption, (FONT, 18))
        .margin(12)
        .x_label_area_size(4)
        .build_cartesian_2d(0.0..width, low - 2.0 * below..high + above)
        .unwrap();
    let text = |size: i32, at: VPos| (FONT, size).into_font().color(&BLACK).pos(Pos::new(HPos::Center, at));
    for (index, system) in systems.iter().enumerate() {
        let colour = colour(*system);
        let bar = |(number, group): (usize, &Group)| {
            let (left, right) = span(number, index, systems.len());
            group.bars[index].map(|value| Rectangle::new([(left, 0.0), (right, scale(value))], colour.filled()))
        };
        let square = move |(x, y)| Rectangle::new([(x, y - 5), (x + 12, y + 5)], colour.filled());
        let bars: Vec<_> = groups.iter().enumerate().filter_map(bar).collect();
        chart.draw_series(bars).unwrap().label(system.title()).legend(square);
        let number = |(number, group): (usize, &Group)| {
            let (left, right) = span(number, index, systems.len());
            let (value, at) = group.bars[index].map(|value| (value, scale(value)))?;
            let place = ((left + right) / 2.0, at);
            let digits = usize::from(value < 10.0);
            Some(Text::new(
                format!("{value:.digits$}"),
                place,
                text(11, if at < 0.0 { VPos::Top } else { VPos::Bottom }),
            ))
        };
        chart.draw_series(groups.iter().enumerate().filter_map(number)).unwrap();
    }
    chart.draw_series(LineSeries::new([(0.0, 0.0), (width, 0.0)], BLACK.mix(0.5))).unwrap();
    let name = |(number, group): (usize, &Group)| {
        Text::new(group.name, (number as f64 + 0.5, low - below), text(14, VPos::Top))
    };
    chart.draw_series(groups.iter().enumerate().map(name)).unwrap();
    let legend = SeriesLabelPosition::UpperLeft;
    chart.configure_series_labels().position(legend).label_font((FONT, 13)).draw().unwrap();
}

/// The left and right end of bar `index` of `count` in group `group`.
fn span(group: usize, index: usize, count: usize) -> (f64, f64) {
    let width = 0.8 / count as f64;
    let left = group as f64 + 0.1 + width * index as f64;
    (left, left + width * 0.92)
}

fn colour(system: System) -> RGBColor {
    match system {
        System::EcluseMd5 | System::EcluseBefore => RGBColor(0x1f, 0x6f, 0xb4),
        System::EcluseOpaque => RGBColor(0x7f, 0xb8, 0xe6),
        System::EcluseAzure => RGBColor(0x2c, 0xa0, 0x6f),
        System::Rclone => RGBColor(0xd9, 0x8c, 0x2b),
        System::Nginx | System::Provider => RGBColor(0xa0, 0xa0, 0xa0),
    }
}
