//! Charts of exhibits: numbers over time.

use crate::Moment;
use serde::{Deserialize, Serialize};

/// Numbers over time, in steps of one length.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chart {
    /// What it shows.
    pub title: String,
    /// What is counted, such as `events`.
    pub unit: String,
    /// Start of the first step.
    pub start: Moment,
    /// Length of a step in seconds.
    pub step_s: f64,
    /// The lines of the chart; of several, each stands on the one before.
    pub series: Vec<Series>,
    /// Moments to be marked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<Mark>,
}

/// One line of a chart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// Its name.
    pub name: String,
    /// A value for each step.
    pub values: Vec<f64>,
}

/// A moment, in a chart or in the timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// When.
    pub at: Moment,
    /// What happened, in few words.
    pub label: String,
}
