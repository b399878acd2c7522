//! What a search that makes a table has found so far, for somebody who waits for it.

use crate::batch::Batch;
use crate::chain::Chain;
use crate::command::{Command, CommandKind, FieldFormats, Flow, Operator};
use crate::context::{Context, lock};
use crate::plan::Plan;
use std::fmt;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// One part in so many of the time of a search may go into previews.
const SHARE: u32 = 20;
/// What it takes to copy, merge and finish a state, before that was measured.
const NS_PER_BYTE: u64 = 10;
/// A preview needs as much memory again as the state, which must not be what a search fails for.
const MAX_SHARE_OF_MEMORY: usize = 4;

/// Looks at the answer of a search while it is being found.
pub struct Previewer<'s> {
    /// Time to the first look, and from one to the next. They come more seldom where looking takes long: a twentieth of the
    /// time of a search at most goes into it.
    pub interval: Duration,
    /// Takes the rows that the answer would have if there were no more events. Called from a thread of its own.
    pub show: &'s (dyn Fn(Batch) + Sync),
}

impl fmt::Debug for Previewer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Previewer").field("interval", &self.interval).finish_non_exhaustive()
    }
}

/// The commands of a search at work, as previews see them.
pub(crate) struct Stage<'p> {
    commands: &'p [Box<dyn Command>],
    chains: &'p [Mutex<Chain>],
    /// The first transforming command.
    at: usize,
    ctx: &'p Arc<Context>,
    limit: Option<usize>,
}

impl<'p> Stage<'p> {
    /// The stage of a plan whose commands run in `chains`: each of them in all chains as far as there are operators. `None` if
    /// the answer cannot be looked at before its time.
    pub fn new(
        plan: &'p Plan,
        chains: &'p [Mutex<Chain>],
        ctx: &'p Arc<Context>,
        limit: Option<usize>,
    ) -> Option<Self> {
        let commands = &plan.commands;
        let at = commands.iter().position(|command| matches!(command.kind(), CommandKind::Transforming { .. }))?;
        let can_preview = commands[at..].iter().all(|command| command.can_preview());
        can_preview.then_some(Self { commands, chains, at, ctx, limit })
    }

    /// What the chains hold. Waits for each to be between two blocks of events; adds the rest of its time to `spent`.
    fn snapshots(&self, spent: &mut Duration) -> Option<Vec<Box<dyn Operator>>> {
        let snapshot = |chain: &Mutex<Chain>| {
            let chain = lock(chain);
            let begun = Instant::now();
            let snapshot = chain.snapshot(self.at);
            *spent += begun.elapsed();
            snapshot
        };
        self.chains.iter().map(snapshot).collect()
    }

    /// The answer as it would be if there were no more events than those in the snapshots.
    fn preview(&self, snapshots: Vec<Box<dyn Operator>>) -> Option<Batch> {
        let mut snapshots = snapshots.into_iter();
        let mut merged = snapshots.next()?;
        for snapshot in snapshots {
            merged.merge(snapshot).ok()?;
        }
        let ctx = Arc::new(self.ctx.of_preview());
        let mut chain = Chain::resume(merged, &self.commands[self.at + 1..], &ctx);
        let mut rows = Batch::default();
        let mut collect = |batch: Batch| {
            rows.append(batch);
            Ok(Flow::More)
        };
        chain.finish(&mut collect).ok()?;
        rows.truncate(self.limit.unwrap_or(rows.len()));
        FieldFormats::of(self.commands).apply(&mut rows, &ctx);
        Some(rows)
    }

    /// Shows previews while `work` runs.
    pub fn watch<T>(&self, previewer: &Previewer<'_>, work: impl FnOnce() -> T) -> T {
        thread::scope(|scope| {
            let (working, is_done) = mpsc::channel::<()>();
            let look = move || {
                let started = Instant::now();
                let (mut spent, mut last) = (Duration::ZERO, Duration::ZERO);
                while is_done.recv_timeout(previewer.interval) == Err(RecvTimeoutError::Timeout) {
                    let bytes = self.ctx.memory_bytes();
                    let expected = last.max(Duration::from_nanos(bytes as u64 * NS_PER_BYTE));
                    let is_affordable = (spent + expected) * SHARE <= started.elapsed();
                    if !is_affordable || bytes > self.ctx.limits.max_memory_bytes / MAX_SHARE_OF_MEMORY {
                        continue;
                    }
                    last = Duration::ZERO;
                    let snapshots = self.snapshots(&mut last);
                    let begun = Instant::now();
                    if let Some(rows) = snapshots.and_then(|snapshots| self.preview(snapshots)) {
                        (previewer.show)(rows);
                    }
                    last += begun.elapsed();
                    spent += last;
                }
            };
            // A search goes on without previews where no thread can be started.
            let _ = thread::Builder::new().name("preview".to_owned()).spawn_scoped(scope, look);
            let result = work();
            drop(working);
            result
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;
    use crate::plan::Caller;
    use crate::subsearch::run_arguments;
    use crate::testing::{context, print, rows};
    use crate::wanted::Wanted;
    use trawl_formats::Zone;

    const EVENTS: &str = "_time=1 host=b x=3\n_time=2 host=a x=1\n_time=3 host=b x=5\n_time=3 host=c";

    fn plan(commands: &str) -> Plan {
        let caller = Caller {
            earliest: None,
            latest: None,
            indexed_before_us: None,
            indexes: Vec::new(),
            event_fields: Wanted::All,
            now_us: 0,
            zone: Zone::UTC,
        };
        Plan::new(parse(&format!("* | {commands}")).expect("a query"), &caller).expect("a plan")
    }

    /// What a preview shows when two chains have taken half of the rows each.
    fn previewed(commands: &str, ctx: &Arc<Context>) -> Option<String> {
        let plan = plan(commands);
        run_arguments(&plan.commands, ctx).expect("subsearches run");
        let mut events = rows(EVENTS);
        let later = events.split_off(2);
        let chains = [events, later].map(|part| {
            let mut chain = Chain::start(&plan.commands, ctx);
            for row in part {
                chain.push(row, &mut |_| Ok(Flow::More)).expect("rows are taken");
            }
            Mutex::new(chain)
        });
        let preview = || {
            let stage = Stage::new(&plan, &chains, ctx, None)?;
            stage.preview(stage.snapshots(&mut Duration::default())?).map(|rows| print(&rows))
        };
        let first = preview();
        assert_eq!(preview(), first, "looking changes nothing");
        first
    }

    #[test]
    fn a_preview_is_what_the_answer_would_be() {
        for (commands, expected) in [
            ("stats count sum(x) BY host", "host=a count=1 sum(x)=1\nhost=b count=2 sum(x)=8\nhost=c count=1"),
            ("top host | head 1", "host=b count=2 percent=50.000000"),
            ("chart sum(x) BY host | where host!=\"a\"", "host=b sum(x)=8\nhost=c"),
            ("timechart span=2s max(x)", "_time=0 max(x)=3\n_time=2 max(x)=5"),
            (
                "eval y=x*2 | stats p50(y) dc(host) sparkline(count, 1s) AS s",
                "p50(y)=6 dc(host)=3 s=[##__SPARKLINE__##,1,1,2]",
            ),
            (
                "stats count BY host | append [| makeresults | table x] | fieldformat count=count.\"!\"",
                "host=a count=1!\nhost=b count=2!\nhost=c count=1!\n-",
            ),
            ("stats count | appendpipe [eval count=0]", "count=4\ncount=0"),
        ] {
            let ctx = Arc::new(context());
            assert_eq!(previewed(commands, &ctx).as_deref(), Some(expected), "{commands}");
        }
    }

    #[test]
    fn what_leaves_traces_or_holds_all_rows_is_not_previewed() {
        let ctx = Arc::new(context());
        for commands in [
            "stats count | outputlookup t",
            "stats count | appendpipe [outputcsv t]",
            "stats count BY host | map search=\"| makeresults\"",
            "sort 0 x",
            "eventstats count",
            "dedup host",
        ] {
            assert_eq!(previewed(commands, &ctx), None, "{commands}");
        }
    }

    #[test]
    fn a_preview_neither_warns_nor_counts() {
        let ctx = Arc::new(context());
        assert!(previewed("stats count BY host | sort 1 host", &ctx).is_some());
        assert_eq!(ctx.warnings(), []);
        assert_eq!(ctx.memory_bytes(), 0);
    }

    #[test]
    fn previews_come_while_the_work_goes_on() {
        let ctx = Arc::new(context());
        let plan = plan("stats count");
        let chains = [Mutex::new(Chain::start(&plan.commands, &ctx))];
        let stage = Stage::new(&plan, &chains, &ctx, None).expect("a table");
        let (shown, n_shown) = mpsc::channel();
        let shown = Mutex::new(shown);
        let previewer = Previewer {
            interval: Duration::from_millis(1),
            show: &|rows| lock(&shown).send(print(&rows)).expect("somebody looks"),
        };
        let seen = stage.watch(&previewer, || {
            let first = n_shown.recv().expect("a preview");
            for row in rows(EVENTS) {
                lock(&chains[0]).push(row, &mut |_| Ok(Flow::More)).expect("rows are taken");
            }
            let later = n_shown.iter().find(|text| *text != first).expect("another preview");
            [first, later]
        });
        assert_eq!(seen, ["count=0", "count=4"]);
    }
}
