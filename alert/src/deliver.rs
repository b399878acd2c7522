//! Brings what is in the [outbox](crate::outbox) to the actions, at least once; a command at most once.
//!
//! [`Deliverer::pump`] enters what has come of deliveries and hands out those that are due, each to a thread of its own;
//! [`Deliverer::wait`] sleeps until there is news. An action has at most [`MAX_AT_ONCE`] deliveries under way and a command one, so
//! that a slow action holds up nobody but itself. What has failed is tried again after a time that doubles up to a bound, or
//! when the other side says; after the action's `give_up` it is dead, which is recorded, and told to the actions that its
//! policy names. That is not told further: what cannot be escalated stays in the record.
//!
//! The intent to run a command is committed before it begins. After a restart, one that was begun has an unknown outcome:
//! it is escalated, and never run again.

mod settlement;

use crate::action::{Attempt, Channel, DeliveryError, Receipt};
use crate::book::{Book, BookError};
use crate::condition::Condition;
use crate::notification::{Happening, Notification};
use crate::outbox::{Delivery, DeliveryState, Settlement};
use serde_json::json;
use settlement::{plain, settlement};
use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Deliveries that one action has under way at once.
pub const MAX_AT_ONCE: usize = 2;
/// Deliveries that are under way at once.
const MAX_THREADS: usize = 32;
/// The time in which [`Policy::max_per_minute`] counts.
const MINUTE_US: i64 = 60_000_000;

/// An action: a channel, and how it is used.
#[derive(Clone)]
pub struct Action {
    /// Its name, unique.
    pub name: String,
    /// The way out.
    pub channel: Arc<dyn Channel>,
    /// How it is used.
    pub policy: Policy,
}

/// How deliveries of an action are treated. Durations in microseconds.
#[derive(Clone, Debug)]
pub struct Policy {
    /// After the first failure it is tried again after this, then after twice that, and so on.
    pub retry_us: i64,
    /// The time from one attempt to the next does not get longer than this.
    pub retry_max_us: i64,
    /// A delivery that did not succeed within this is dead.
    pub give_up_us: i64,
    /// Attempts in a minute; more have to wait.
    pub max_per_minute: usize,
    /// What the action is told of. `None`: what its channel is for.
    pub on: Option<Vec<Happening>>,
    /// Actions that are told when this one did not do what it is for.
    pub escalate: Vec<String>,
    /// How to find out whether it helped.
    pub verify: Option<PostCondition>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            retry_us: 5_000_000,
            retry_max_us: 300_000_000,
            give_up_us: 24 * 3600 * 1_000_000,
            max_per_minute: 120,
            on: None,
            escalate: Vec::new(),
            verify: None,
        }
    }
}

impl Policy {
    /// The time after `n_attempts` failures.
    fn back_off_us(&self, n_attempts: u32) -> i64 {
        let factor = 1_i64.checked_shl(n_attempts.saturating_sub(1).min(40)).unwrap_or(i64::MAX);
        self.retry_us.saturating_mul(factor).min(self.retry_max_us)
    }
}

/// What must hold after an action, or somebody has to come.
#[derive(Clone, Debug)]
pub struct PostCondition {
    /// The search.
    pub search: String,
    /// What must hold of what it finds.
    pub want: Condition,
    /// How long after the action, in microseconds.
    pub after_us: i64,
}

/// What a [`PostCondition`] came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it holds.
    pub holds: bool,
    /// What was found, in a few words.
    pub evidence: String,
}

/// Looks at whether an action has helped.
pub trait Verify: Send + Sync {
    /// Searches from `done_us`, when the action was done, to `now_us`, both microseconds UTC.
    ///
    /// # Errors
    /// Why it cannot be found out.
    fn verify(
        &self,
        notification: &Notification,
        condition: &PostCondition,
        done_us: i64,
        now_us: i64,
    ) -> Result<Verdict, String>;
}

/// Brings notifications to actions.
pub struct Deliverer<'b> {
    book: &'b Book,
    actions: BTreeMap<String, Action>,
    verifier: Arc<dyn Verify>,
    under_way: BTreeMap<i64, UnderWay>,
    /// When attempts of the last minute began, by action.
    begun: BTreeMap<String, VecDeque<i64>>,
    sender: Sender<Done>,
    receiver: Receiver<Done>,
    /// What has come of deliveries and is not entered yet.
    unsettled: VecDeque<Done>,
}

/// What a call of [`Deliverer::pump`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pumped {
    /// Attempts that were begun.
    pub n_begun: usize,
    /// Deliveries that succeeded.
    pub n_delivered: usize,
    /// Attempts that failed and are made again.
    pub n_retried: usize,
    /// Deliveries that were given up.
    pub n_dead: usize,
}

struct UnderWay {
    delivery: Delivery,
    thread: Option<JoinHandle<()>>,
}

struct Done {
    seq: i64,
    came: Came,
}

#[derive(Clone)]
enum Came {
    Delivery(Result<Receipt, DeliveryError>),
    Verdict(Result<Verdict, String>),
}

impl<'b> Deliverer<'b> {
    /// Takes up the outbox of `book`. Commands that were begun and did not end, when the last process did, are escalated now.
    ///
    /// # Errors
    /// If the book refuses.
    pub fn new(
        book: &'b Book,
        actions: Vec<Action>,
        verifier: Arc<dyn Verify>,
        now_us: i64,
    ) -> Result<Self, BookError> {
        let (sender, receiver) = mpsc::channel();
        let actions = actions.into_iter().map(|action| (action.name.clone(), action)).collect();
        let deliverer = Self {
            book,
            actions,
            verifier,
            under_way: BTreeMap::new(),
            begun: BTreeMap::new(),
            sender,
            receiver,
            unsettled: VecDeque::new(),
        };
        for delivery in book.running()? {
            let what =
                "trawl ended while the command ran: nobody knows what came of it; it is not run again".to_owned();
            let error = DeliveryError::Unknown { what };
            deliverer.enter(&delivery, Came::Delivery(Err(error)), now_us, &mut Pumped::default())?;
        }
        Ok(deliverer)
    }

    /// Enters what has come of deliveries, and begins those that are due at `now_us`, microseconds UTC. It waits for none.
    ///
    /// # Errors
    /// If the book refuses; the next call goes on.
    pub fn pump(&mut self, now_us: i64) -> Result<Pumped, BookError> {
        let mut pumped = Pumped::default();
        self.unsettled.extend(self.receiver.try_iter());
        while let Some(done) = self.unsettled.pop_front() {
            let Some(mut under_way) = self.under_way.remove(&done.seq) else { continue };
            if let Some(thread) = under_way.thread.take() {
                // It has sent its result: it has nothing else to do.
                let _ = thread.join();
            }
            if let Err(error) = self.enter(&under_way.delivery, done.came.clone(), now_us, &mut pumped) {
                // It is entered with the next call.
                self.under_way.insert(done.seq, under_way);
                self.unsettled.push_front(done);
                return Err(error);
            }
        }
        for name in self.book.open_actions()? {
            self.hand_out(&name, now_us, &mut pumped)?;
        }
        Ok(pumped)
    }

    /// Sleeps until something has come of a delivery, but not longer than `timeout`. Whether something has.
    pub fn wait(&mut self, timeout: Duration) -> bool {
        if self.unsettled.is_empty()
            && let Ok(done) = self.receiver.recv_timeout(timeout)
        {
            self.unsettled.push_back(done);
        }
        !self.unsettled.is_empty()
    }

    /// When there is something to do that is not to do at `now_us` already, both microseconds UTC. What comes of deliveries that
    /// are under way is told by [`Deliverer::wait`].
    ///
    /// # Errors
    /// If the book refuses.
    pub fn due_us(&self, now_us: i64) -> Result<Option<i64>, BookError> {
        let is_full = |(name, begun): (&String, &VecDeque<i64>)| {
            let max = self.actions.get(name).map_or(1, |action| action.policy.max_per_minute);
            (begun.len() >= max).then(|| begun.front().map(|first| first + MINUTE_US)).flatten()
        };
        let free_us = self.begun.iter().filter_map(is_full).filter(|us| *us > now_us).min();
        Ok(self.book.next_due_us(now_us)?.into_iter().chain(free_us).min())
    }

    /// Deliveries that are under way.
    pub fn n_under_way(&self) -> usize {
        self.under_way.len()
    }

    /// Waits for deliveries that are under way, not longer than `timeout`, and enters what has come of them, for a process
    /// that is about to end. Whether none is left.
    ///
    /// # Errors
    /// If the book refuses.
    pub fn finish(&mut self, now_us: i64, timeout: Duration) -> Result<bool, BookError> {
        let begun = Instant::now();
        while self.unsettled.len() < self.under_way.len() {
            let Some(rest) = timeout.checked_sub(begun.elapsed()) else { break };
            match self.receiver.recv_timeout(rest) {
                Ok(done) => self.unsettled.push_back(done),
                Err(_) => break,
            }
        }
        let mut pumped = Pumped::default();
        while let Some(done) = self.unsettled.pop_front() {
            let Some(under_way) = self.under_way.remove(&done.seq) else { continue };
            self.enter(&under_way.delivery, done.came, now_us, &mut pumped)?;
        }
        Ok(self.under_way.is_empty())
    }

    /// Begins what is due for an action.
    fn hand_out(&mut self, name: &str, now_us: i64, pumped: &mut Pumped) -> Result<(), BookError> {
        let Some(action) = self.actions.get(name).cloned() else {
            return self.fail_unknown(name, now_us, pumped);
        };
        loop {
            let mine = self.under_way.values().filter(|under_way| under_way.delivery.action == name).count();
            let at_once = if action.channel.is_at_most_once() { 1 } else { MAX_AT_ONCE };
            let due = self.book.due(name, now_us, 2 * mine + at_once)?;
            // A lane has one delivery under way: the next is due only when that is entered.
            let next = due.into_iter().find(|delivery| {
                let is_same_lane =
                    |other: &UnderWay| other.delivery.action == name && other.delivery.lane == delivery.lane;
                !self.under_way.values().any(is_same_lane)
            });
            let Some(delivery) = next else { return Ok(()) };
            let notification = match &delivery.notification {
                Ok(notification) => notification.clone(),
                Err(what) => {
                    let error = DeliveryError::permanent(format!("what is to be brought cannot be read: {what}"));
                    self.enter(&delivery, Came::Delivery(Err(error)), now_us, pumped)?;
                    continue;
                }
            };
            if !is_meant(&action, notification.happening) {
                self.skip(&delivery, notification.happening, now_us)?;
                continue;
            }
            if delivery.state == DeliveryState::Standing
                && !self.book.is_firing(&notification.alert, &notification.group, &notification.episode)?
            {
                self.end_standing(&delivery, now_us)?;
                continue;
            }
            if mine >= at_once || self.under_way.len() >= MAX_THREADS || self.is_throttled(&action, now_us) {
                return Ok(());
            }
            self.begin(&action, delivery, notification, now_us)?;
            pumped.n_begun += 1;
        }
    }

    /// Begins one attempt.
    fn begin(
        &mut self,
        action: &Action,
        delivery: Delivery,
        notification: Notification,
        now_us: i64,
    ) -> Result<(), BookError> {
        let (seq, sender) = (delivery.seq, self.sender.clone());
        let work: Box<dyn FnOnce() -> Came + Send> = match (&action.policy.verify, delivery.state) {
            (Some(condition), DeliveryState::Verifying) => {
                let (verifier, condition) = (Arc::clone(&self.verifier), condition.clone());
                let done_us = delivery.due_us - condition.after_us;
                Box::new(move || Came::Verdict(verifier.verify(&notification, &condition, done_us, now_us)))
            }
            // The condition was taken out of the configuration.
            (None, DeliveryState::Verifying) => Box::new(|| {
                Came::Verdict(Ok(Verdict { holds: true, evidence: "nothing is to be verified".to_owned() }))
            }),
            _ => {
                if action.channel.is_at_most_once() {
                    self.book.begin_delivery(seq)?;
                }
                self.begun.entry(action.name.clone()).or_default().push_back(now_us);
                let (channel, name, key) = (Arc::clone(&action.channel), action.name.clone(), delivery.key());
                let n_before = delivery.n_attempts;
                Box::new(move || {
                    let attempt = Attempt { action: &name, key: &key, now_us, n_before };
                    Came::Delivery(channel.deliver(&notification, &attempt))
                })
            }
        };
        let is_verdict = delivery.state == DeliveryState::Verifying;
        let thread = thread::Builder::new().name(format!("deliver {}", action.name)).spawn(move || {
            let came = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
                let what = "an error in trawl itself".to_owned();
                if is_verdict { Came::Verdict(Err(what)) } else { Came::Delivery(Err(DeliveryError::Unknown { what })) }
            });
            // Nobody listens any more if the process is about to end.
            let _ = sender.send(Done { seq, came });
        });
        match thread {
            Ok(thread) => {
                self.under_way.insert(seq, UnderWay { delivery, thread: Some(thread) });
            }
            Err(error) => {
                let what = format!("cannot begin a thread: {error}");
                let came = if is_verdict {
                    Came::Verdict(Err(what))
                } else {
                    Came::Delivery(Err(DeliveryError::temporary(what)))
                };
                self.under_way.insert(seq, UnderWay { delivery, thread: None });
                self.unsettled.push_back(Done { seq, came });
            }
        }
        Ok(())
    }

    /// Whether there were too many attempts in the last minute.
    fn is_throttled(&mut self, action: &Action, now_us: i64) -> bool {
        let begun = self.begun.entry(action.name.clone()).or_default();
        while begun.front().is_some_and(|us| *us + MINUTE_US <= now_us) {
            begun.pop_front();
        }
        begun.len() >= action.policy.max_per_minute
    }

    /// Enters what has come of an attempt.
    fn enter(&self, delivery: &Delivery, came: Came, now_us: i64, pumped: &mut Pumped) -> Result<(), BookError> {
        let action = self.actions.get(&delivery.action);
        let settlement = settlement(delivery, action, came, now_us);
        self.book.settle(&settlement)?;
        match settlement.state {
            DeliveryState::Waiting => pumped.n_retried += 1,
            DeliveryState::Dead => pumped.n_dead += 1,
            _ => pumped.n_delivered += 1,
        }
        Ok(())
    }

    /// Passes over what an action is not meant to be told.
    fn skip(&self, delivery: &Delivery, happening: Happening, now_us: i64) -> Result<(), BookError> {
        self.book.settle(&Settlement {
            outcome: json!({"skipped": true}),
            ends_standing: happening.is_end(),
            ..plain(delivery, DeliveryState::Delivered, now_us)
        })
    }

    /// Ends the repetitions of what does not fire any more.
    fn end_standing(&self, delivery: &Delivery, now_us: i64) -> Result<(), BookError> {
        self.book.settle(&Settlement {
            outcome: delivery.outcome.clone().unwrap_or_default(),
            ..plain(delivery, DeliveryState::Delivered, now_us)
        })
    }

    /// Deliveries of an action that is not configured: they wait, should it come back, until they are too old.
    fn fail_unknown(&mut self, name: &str, now_us: i64, pumped: &mut Pumped) -> Result<(), BookError> {
        while let Some(delivery) = self.book.due(name, now_us, 1)?.pop() {
            let came = match delivery.state {
                DeliveryState::Standing => {
                    self.end_standing(&delivery, now_us)?;
                    continue;
                }
                DeliveryState::Verifying => Came::Verdict(Err(format!("there is no action `{name}` any more"))),
                _ => Came::Delivery(Err(DeliveryError::temporary(format!("there is no action `{name}`")))),
            };
            self.enter(&delivery, came, now_us, pumped)?;
        }
        Ok(())
    }
}

impl Drop for Deliverer<'_> {
    /// Waits for threads: none of them takes longer than its action's time-out.
    fn drop(&mut self) {
        for under_way in self.under_way.values_mut() {
            if let Some(thread) = under_way.thread.take() {
                let _ = thread.join();
            }
        }
    }
}

/// Whether an action is to be told of something.
fn is_meant(action: &Action, happening: Happening) -> bool {
    match &action.policy.on {
        Some(on) => on.contains(&happening),
        None => action.channel.is_for(happening),
    }
}
