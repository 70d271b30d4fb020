//! What the tests of this room share: hand-made pictures, and a console driven by rows of keys.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use ratatui::buffer::Buffer;
use ratatui::layout::Position;

use super::app::App;
use super::effect::Effect;
use super::event::{Event, Gesture, Mouse};
use super::export;
use super::keymap::sequence;
use super::options::{Hooks, Options};
use crate::action::Intent;
use crate::action::expectation::Expectation;
use crate::action::generation::Generation;
use crate::action::intent::LeadIntent;
use crate::action::milestone::Milestone;
use crate::action::order::{AgentRequest, Order};
use crate::action::plan::{Confirm, Danger, Plan, Step};
use crate::model::event::{Event as Change, EventKind};
use crate::model::finding::{Severity, Subject};
use crate::model::moment::Moment;
use crate::model::name::{ClusterName, NodeName};
use crate::model::series::Series;
use crate::model::snapshot::Snapshot;
use crate::observe::picture::{Picture, SeriesKey};
use crate::report::test_support;

/// A change seen `second` seconds after the start.
pub(crate) fn event(second: u64) -> Change {
    Change {
        number: second,
        at: Moment::START + Duration::from_secs(second),
        wall: test_support::wall(),
        kind: EventKind::Leader,
        severity: Severity::Warning,
        subject: Subject::Cluster,
        text: format!("leader changed for the {second}th time").into(),
        source: None,
    }
}

/// A picture of `snapshot` with some past.
pub(crate) fn around(snapshot: Snapshot) -> Picture {
    let mut lag = Series::new(Duration::from_secs(1), 300);
    for second in 0..200_u64 {
        let value = (second % 40 != 7).then_some(((second * 37) % 100) as f32 * 10_000.0);
        lag.push(Moment::START + Duration::from_secs(second), value);
    }
    let series = BTreeMap::from([(SeriesKey::LagBytes(NodeName::new("pg-1")), Arc::new(lag))]);
    Picture { snapshot: Arc::new(snapshot), events: Arc::new(vec![event(1), event(2)]), series: Arc::new(series) }
}

/// A healthy cluster of this name.
pub(crate) fn picture(name: &str) -> Picture {
    let mut snapshot = test_support::healthy();
    snapshot.identity.name = ClusterName::new(name);
    snapshot.findings = test_support::findings();
    around(snapshot)
}

/// A console on a screen of a given size.
pub(crate) struct ConsoleFixture {
    pub(crate) app: App,
    width: u16,
    height: u16,
    at: Duration,
    buffer: Buffer,
    pub(crate) cursor: Option<Position>,
}

impl ConsoleFixture {
    /// A console over these pictures.
    pub(crate) fn new(pictures: Vec<Picture>, options: Options, hooks: &Hooks, (width, height): (u16, u16)) -> Self {
        let name = |picture: &Picture| picture.snapshot.identity.name.clone();
        let clusters = pictures.into_iter().map(|picture| (name(&picture), Arc::new(picture))).collect();
        let app = App::new(clusters, options, hooks);
        let mut fixture = Self { app, width, height, at: Duration::ZERO, buffer: Buffer::default(), cursor: None };
        fixture.draw();
        fixture
    }

    /// A console over one healthy cluster, 120 by 40, with everything it can be given.
    pub(crate) fn usual() -> Self {
        Self::new(vec![picture("prod-eu")], Options::default(), &hooks(), (120, 40))
    }

    fn draw(&mut self) {
        self.buffer = Buffer::empty(ratatui::layout::Rect::new(0, 0, self.width, self.height));
        self.cursor = self.app.render(&mut self.buffer);
    }

    /// Takes in an event and draws.
    pub(crate) fn happen(&mut self, event: Event) -> Vec<Effect> {
        let effects = self.app.update(event, self.at);
        self.draw();
        effects
    }

    /// Presses a row of keys; returns what all of them asked for.
    pub(crate) fn press(&mut self, keys: &str) -> Vec<Effect> {
        sequence(keys).unwrap().into_iter().flat_map(|key| self.happen(Event::Key(key))).collect()
    }

    /// Lets time go by.
    pub(crate) fn wait(&mut self, seconds: u64) {
        self.at += Duration::from_secs(seconds);
        self.happen(Event::Tick);
    }

    /// Brings another picture of the cluster at `index`.
    pub(crate) fn bring(&mut self, index: usize, picture: Picture) -> Vec<Effect> {
        self.app.deposit(index, Arc::new(picture), Duration::ZERO);
        self.happen(Event::Picture(index))
    }

    /// The screen as text.
    pub(crate) fn text(&self) -> String {
        export::text(&self.buffer)
    }

    /// One row of the screen.
    pub(crate) fn row(&self, row: usize) -> String {
        self.text().lines().nth(row).unwrap_or_default().to_owned()
    }

    /// The screen with its styles.
    pub(crate) fn buffer(&self) -> &Buffer {
        &self.buffer
    }

    /// Where `text` stands on the screen: below the header, else in it.
    pub(crate) fn find(&self, text: &str) -> (u16, u16) {
        let screen = self.text();
        let rows = || screen.lines().enumerate();
        for (row, line) in rows().skip(3).chain(rows()) {
            if let Some(at) = line.find(text) {
                let column = unicode_width::UnicodeWidthStr::width(&line[..at]);
                return (u16::try_from(column).unwrap(), u16::try_from(row).unwrap());
            }
        }
        panic!("{text:?} is not on the screen:\n{}", self.text());
    }

    /// Clicks on `text`.
    pub(crate) fn click(&mut self, text: &str) -> Vec<Effect> {
        let (column, row) = self.find(text);
        self.happen(Event::Mouse(Mouse { gesture: Gesture::Click, column, row }))
    }

    /// Fails unless every one of `texts` is on the screen.
    pub(crate) fn shows(&self, texts: &[&str]) {
        for text in texts {
            assert!(self.text().contains(text), "{text:?} is not on the screen:\n{}", self.text());
        }
    }

    /// Fails if one of `texts` is on the screen.
    pub(crate) fn hides(&self, texts: &[&str]) {
        for text in texts {
            assert!(!self.text().contains(text), "{text:?} is on the screen:\n{}", self.text());
        }
    }

    /// Another size.
    pub(crate) fn resize(&mut self, width: u16, height: u16) {
        (self.width, self.height) = (width, height);
        self.happen(Event::Resize { width, height });
    }
}

/// A switchover from pg-0 to pg-1.
pub(crate) fn switchover() -> Plan {
    let (from, to) = (NodeName::new("pg-0"), NodeName::new("pg-1"));
    let seen = [Milestone::SteppedDown { member: from.clone() }, Milestone::Promoted { member: Some(to.clone()) }];
    let expectation = Expectation::of(seen, Duration::from_secs(70))
        .then(Milestone::RouterFollows)
        .then(Milestone::Streaming { member: from.clone() })
        .then(Milestone::AllStreaming);
    let request = AgentRequest::Switchover { leader: from.clone(), candidate: Some(to.clone()), at: None };
    let order = Order::agent(from, request);
    Plan {
        cluster: ClusterName::new("prod-eu"),
        title: "switch over prod-eu from pg-0 to pg-1".into(),
        intent: Intent::Lead(LeadIntent::Switchover {
            candidate: Some(to),
            at: None,
            swift: false,
            through_poolers: None,
        }),
        generation: Generation::default(),
        danger: Danger::Disruptive,
        confirm: Confirm::Yes,
        needs_reason: false,
        checks: Vec::new(),
        steps: vec![Step { text: "POST".into(), order, undo: None, deadline: Duration::from_secs(60) }],
        no_return: 0,
        impact: Vec::new(),
        equivalent: Vec::new(),
        expectation,
    }
}

/// Hooks that do nothing.
pub(crate) fn hooks() -> Hooks {
    Hooks {
        psql: Some(Arc::new(|_| std::future::ready(Ok(())).boxed())),
        evidence: Some(Arc::new(|_, _| std::future::ready(Ok("/tmp/evidence".into())).boxed())),
        ..Hooks::default()
    }
}
