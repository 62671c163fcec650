//! What clients cost in bytes: recordings played to them over simulated links, and the reports of that.

mod baselines;
mod difference;
mod html;
mod link;
mod picture;
mod row;
mod run;
mod table;

pub use baselines::{Baselines, baselines};
pub use difference::Difference;
pub use html::html;
pub use link::{LinkModel, UnknownLink};
pub use row::{CpuMs, LagMs, OperationCounts, Row};
pub use run::{Cpu, PlayError, Run, Settings, Shot, play};
pub use table::table;

/// A run with the names of what took part.
#[derive(Clone, Debug)]
pub struct Case {
    /// The recording's name.
    pub capture: String,
    /// The client's name.
    pub client: String,
    /// The link.
    pub link: LinkModel,
    /// What happened.
    pub run: Run,
    /// The same recording without a planner.
    pub baselines: Baselines,
}
