//! One metric with a cell for each combination of its labels' values; after the first time a cell is found without a lock.

use std::sync::OnceLock;
use std::time::Duration;

use prometheus::core::Collector;
use prometheus::proto::MetricFamily;
use prometheus::{HistogramOpts, IntCounter, Opts};

use crate::labels::{Values, values_max};
use crate::list::{Listed, Shape, list};

/// What a cell is made of.
pub(crate) trait Cell: Collector + Sized + Send + Sync {
    const SHAPE: Shape;

    fn make(listed: &Listed, labels: &[(String, String)]) -> Option<Self>;
}

fn opts(listed: &Listed, labels: &[(String, String)]) -> Opts {
    Opts::new(&listed.name, &listed.help).const_labels(labels.iter().cloned().collect())
}

impl Cell for IntCounter {
    const SHAPE: Shape = Shape::Counter;

    fn make(listed: &Listed, labels: &[(String, String)]) -> Option<Self> {
        IntCounter::with_opts(opts(listed, labels)).ok()
    }
}

impl Cell for prometheus::Gauge {
    const SHAPE: Shape = Shape::Gauge;

    fn make(listed: &Listed, labels: &[(String, String)]) -> Option<Self> {
        prometheus::Gauge::with_opts(opts(listed, labels)).ok()
    }
}

impl Cell for prometheus::Histogram {
    const SHAPE: Shape = Shape::Histogram;

    fn make(listed: &Listed, labels: &[(String, String)]) -> Option<Self> {
        let opts = HistogramOpts { common_opts: opts(listed, labels), buckets: list().buckets(listed) };
        prometheus::Histogram::with_opts(opts).ok()
    }
}

#[derive(Debug)]
struct Cells<C> {
    listed: &'static Listed,
    axes: Vec<Values>,
    cells: Box<[OnceLock<Option<C>>]>,
}

impl<C: Cell> Cells<C> {
    fn of(name: &str) -> Option<Self> {
        let listed = list().find(name)?;
        let axis = |label: &String| match listed.values.get(label) {
            Some(values) => Values::fixed(values),
            None => Values::open(values_max(label, list().tenants_max())),
        };
        let axes: Vec<Values> = listed.labels.iter().map(axis).collect();
        let count = axes.iter().map(Values::width).product();
        let cells = Cells { listed, axes, cells: (0..count).map(|_| OnceLock::new()).collect() };
        // What is counted is told as 0 before anything has happened, because a rate needs a beginning; of a gauge nobody
        // knows yet.
        let is_known = C::SHAPE != Shape::Gauge || cells.axes.is_empty();
        if is_known && cells.axes.iter().all(|axis| matches!(axis, Values::Fixed(_))) {
            for place in 0..count {
                let _ = cells.at(place);
            }
        }
        Some(cells)
    }

    fn place(&self, values: &[&str]) -> Option<usize> {
        self.axes
            .iter()
            .zip(values)
            .try_fold(0, |place, (axis, value)| Some(place * axis.width() + axis.number(value)?))
    }

    fn at(&self, place: usize) -> Option<&C> {
        self.cells.get(place)?.get_or_init(|| C::make(self.listed, &self.labels(place))).as_ref()
    }

    fn labels(&self, place: usize) -> Vec<(String, String)> {
        let (mut rest, mut labels) = (place, Vec::new());
        for (axis, name) in self.axes.iter().zip(&self.listed.labels).rev() {
            labels.push((name.clone(), axis.value(rest % axis.width())));
            rest /= axis.width();
        }
        labels.reverse();
        labels
    }
}

/// A metric that is recorded in this process.
#[derive(Debug)]
struct Family<C> {
    name: &'static str,
    cells: OnceLock<Option<Cells<C>>>,
}

impl<C: Cell> Family<C> {
    fn cells(&self) -> Option<&Cells<C>> {
        self.cells.get_or_init(|| Cells::of(self.name)).as_ref()
    }

    fn cell(&self, values: &[&str]) -> Option<&C> {
        let cells = self.cells()?;
        cells.at(cells.place(values)?)
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let cells = self.cells().into_iter().flat_map(|cells| cells.cells.iter());
        cells.filter_map(|cell| cell.get()?.as_ref()).flat_map(Collector::collect).collect()
    }
}

/// A metric as the exporter sees it.
pub(crate) trait Recorded: Sync {
    /// Its name.
    fn name(&self) -> &'static str;
    /// What it is.
    #[cfg(test)]
    fn shape(&self) -> Shape;
    /// How many labels it is recorded with.
    #[cfg(test)]
    fn labels(&self) -> usize;
    /// What was recorded.
    fn collect(&self) -> Vec<MetricFamily>;
}

macro_rules! recorded {
    ($(#[$doc:meta])* $name:ident, $cell:ty) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name<const N: usize>(Family<$cell>);

        impl<const N: usize> $name<N> {
            /// The metric of this name in the list, which has `N` labels.
            pub(crate) const fn named(name: &'static str) -> Self {
                $name(Family { name, cells: OnceLock::new() })
            }
        }

        impl<const N: usize> Recorded for $name<N> {
            fn name(&self) -> &'static str {
                self.0.name
            }

            #[cfg(test)]
            fn shape(&self) -> Shape {
                <$cell as Cell>::SHAPE
            }

            #[cfg(test)]
            fn labels(&self) -> usize {
                N
            }

            fn collect(&self) -> Vec<MetricFamily> {
                self.0.collect()
            }
        }
    };
}

recorded! {
    /// Something that is counted, with `N` labels. Values of labels that the list does not have are not counted.
    Counter, IntCounter
}
recorded! {
    /// Something that there is so much of now, with `N` labels.
    Gauge, prometheus::Gauge
}
recorded! {
    /// How long something took, with `N` labels.
    Histogram, prometheus::Histogram
}

impl<const N: usize> Counter<N> {
    /// Counts one.
    pub fn one(&self, labels: [&str; N]) {
        self.add(labels, 1);
    }

    /// Counts `count`.
    pub fn add(&self, labels: [&str; N], count: u64) {
        if let Some(cell) = self.0.cell(&labels) {
            cell.inc_by(count);
        }
    }
}

impl<const N: usize> Gauge<N> {
    /// One more, until what is given is dropped.
    pub fn held(&'static self, labels: [&str; N]) -> Held {
        let cell = self.0.cell(&labels);
        if let Some(cell) = cell {
            cell.inc();
        }
        Held(cell)
    }

    /// There are `value` now.
    pub fn set(&self, labels: [&str; N], value: f64) {
        if let Some(cell) = self.0.cell(&labels) {
            cell.set(value);
        }
    }
}

impl<const N: usize> Histogram<N> {
    /// It took `took`.
    pub fn took(&self, labels: [&str; N], took: Duration) {
        if let Some(cell) = self.0.cell(&labels) {
            cell.observe(took.as_secs_f64());
        }
    }
}

/// Counted in a gauge until it is dropped.
#[derive(Debug)]
#[must_use]
pub struct Held(Option<&'static prometheus::Gauge>);

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(gauge) = self.0 {
            gauge.dec();
        }
    }
}
