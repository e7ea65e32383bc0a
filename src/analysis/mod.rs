//! Pure answers over what a heap holds: no process, no memory, no printing.

pub mod audit;
pub mod board;
pub mod comparison;
pub mod diff;
pub mod find;
pub mod fork;
pub mod growth;
pub mod histogram;
pub mod identity;
pub mod owners;
pub mod paths;
pub mod referrers;
pub mod select;
pub mod show;
pub mod survivors;
pub mod threshold;
pub mod trend;
pub mod verdict;

pub use audit::{Account, Audit, AuditOptions, audit};
pub use board::{Board, Glance, Member, Subject, Tempo};
pub use comparison::{Balance, ChangeOptions, ChangeSort, Changed, Compared, Comparison, Moved, compare};
pub use diff::{Change, changes};
pub use find::{FindOptions, FindSort, Found, Sample, find};
pub use fork::{SinceFork, since_fork};
pub use growth::{Holding, Series, Step};
pub use histogram::{Histogram, HistogramOptions, Sort, Totals, average, histogram};
pub use identity::Identity;
pub use owners::Owners;
pub use paths::{PathSort, Paths, PathsOptions, Way, paths};
pub use referrers::{Holder, Referrers, ReferrersOptions, referrers};
pub use select::{Note, Selected, Unclear, Wanted, select, types_called};
pub use show::{Link, Shown, show};
pub use survivors::{Difference, Moves, Survivors, Track, survivors};
pub use threshold::Threshold;
pub use trend::{Delta, Trend, TrendSort, Trends};
