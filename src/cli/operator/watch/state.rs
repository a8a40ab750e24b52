//! What the watcher shows and what a key does to it. Pure: draws nothing, asks nobody.

use crossterm::event::KeyCode;
use serde_json::json;

use super::forest::{Forest, Place, Row};
use super::prompt::{Prompt, Step};
use crate::cli::operator::questions::Action;
use crate::cli::operator::shape::{
    Actor, ActorPage, CannotSee, DeadLetter, DeadLetters, Failed, Failures, Outcome, Shard, Shards, Stalled,
    StalledList, Tree, Where,
};

/// The longest text that is searched for.
const SEARCH_CHARACTERS_MAX: usize = 100;
/// Open parents whose children are kept fresh; a person looks at no more at once.
const FRESH_MAX: usize = 24;

/// The views.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tab {
    Tree,
    Documents,
    Failures,
    DeadLetters,
    Shards,
}

impl Tab {
    pub(crate) const ALL: [Self; 5] =
        [Self::Tree, Self::Documents, Self::Failures, Self::DeadLetters, Self::Shards];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tree => "Tree",
            Self::Documents => "Documents",
            Self::Failures => "Failures",
            Self::DeadLetters => "Dead letters",
            Self::Shards => "Shards",
        }
    }

    fn place(self) -> usize {
        Self::ALL.iter().position(|tab| *tab == self).unwrap_or(0)
    }

    fn next(self, forward: bool) -> Self {
        let step = if forward { 1 } else { Self::ALL.len() - 1 };
        Self::ALL.iter().cycle().nth(self.place() + step).copied().unwrap_or(self)
    }
}

/// What is shown beside the list.
#[derive(Debug)]
pub(crate) enum Panel {
    Actor(Box<ActorPage>),
    Where(Box<Where>),
    Letter(Box<DeadLetter>),
    Shard(Box<Shard>),
}

/// Something that a node is to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    Roots,
    Below { node: String, under: String, after: Option<String> },
    Found(String),
    Actor { node: String, path: String },
    Where(String),
    Failures,
    Letters,
    Stalled,
    Shards,
}

/// What a node has told.
#[derive(Debug)]
pub(crate) enum Told {
    Roots(Tree),
    Below {
        under: String,
        after: Option<String>,
        tree: Tree,
    },
    Found(Tree),
    Actor(Box<ActorPage>),
    Where(Box<Where>),
    Failures(Failures),
    Letters(DeadLetters),
    Stalled(StalledList),
    Shards(Shards),
    /// What an action would touch.
    Tried(Outcome),
    /// What an action did.
    Done(Outcome),
    /// Why an action was not done.
    NotDone(String),
    /// Why a question was not answered, by a node that is there.
    Refused(String),
    /// The node is not there.
    Gone,
}

/// Something that the watcher must do.
#[derive(Debug, PartialEq)]
pub(crate) enum Effect {
    Ask(Wanted),
    Try(Action, String),
    Do(Action, String),
    Leave,
}

/// Everything that the watcher shows.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) tab: Tab,
    pub(crate) forest: Forest,
    pub(crate) stalled: Vec<Stalled>,
    pub(crate) failures: Vec<Failed>,
    pub(crate) letters: Vec<DeadLetter>,
    pub(crate) shards: Vec<Shard>,
    pub(crate) unseen: Vec<CannotSee>,
    pub(crate) panel: Option<Panel>,
    /// Lines of the panel that are above what is shown of it.
    pub(crate) scroll: u16,
    pub(crate) prompt: Option<Prompt>,
    /// What is being typed to search for.
    pub(crate) typing: Option<String>,
    /// What the last key or answer led to.
    pub(crate) said: String,
    /// When the node was last heard, if it is silent since; in milliseconds of the watcher's own clock.
    pub(crate) gone_since_ms: Option<u64>,
    pub(crate) now_ms: u64,
    searched: String,
    at: [usize; Tab::ALL.len()],
    held: Option<Place>,
    watched: Option<Wanted>,
}

impl View {
    pub(crate) fn new() -> Self {
        Self {
            tab: Tab::Tree,
            forest: Forest::default(),
            stalled: Vec::new(),
            failures: Vec::new(),
            letters: Vec::new(),
            shards: Vec::new(),
            unseen: Vec::new(),
            panel: None,
            scroll: 0,
            prompt: None,
            typing: None,
            said: String::new(),
            gone_since_ms: None,
            now_ms: 0,
            searched: String::new(),
            at: [0; Tab::ALL.len()],
            held: None,
            watched: None,
        }
    }

    /// Rows of the list that is shown.
    pub(crate) fn count(&self) -> usize {
        match self.tab {
            Tab::Tree => self.forest.rows().len(),
            Tab::Documents => self.stalled.len(),
            Tab::Failures => self.failures.len(),
            Tab::DeadLetters => self.letters.len(),
            Tab::Shards => self.shards.len(),
        }
    }

    /// The row that is chosen.
    pub(crate) fn at(&self) -> usize {
        self.at.get(self.tab.place()).copied().unwrap_or(0).min(self.count().saturating_sub(1))
    }

    /// Time has passed: what is in sight is asked for anew.
    pub(crate) fn tick(&mut self, now_ms: u64) -> Vec<Effect> {
        self.now_ms = now_ms;
        let mut wanted = vec![Wanted::Roots];
        match self.tab {
            Tab::Tree if self.forest.is_search() => wanted.push(Wanted::Found(self.searched.clone())),
            Tab::Tree => wanted.extend(self.forest.opened().into_iter().take(FRESH_MAX).map(below)),
            Tab::Documents => wanted.push(Wanted::Stalled),
            Tab::Failures => wanted.push(Wanted::Failures),
            Tab::DeadLetters => wanted.push(Wanted::Letters),
            Tab::Shards => wanted.push(Wanted::Shards),
        }
        wanted.extend(self.watched.clone());
        wanted.into_iter().map(Effect::Ask).collect()
    }

    /// Takes what a node told.
    pub(crate) fn told(&mut self, told: Told) {
        self.gone_since_ms = match told {
            Told::Gone => self.gone_since_ms.or(Some(self.now_ms)),
            _ => None,
        };
        match told {
            Told::Roots(tree) => {
                self.unseen.clone_from(&tree.cannot_see);
                self.forest.take_roots(tree);
            }
            Told::Below { under, after, tree } => self.forest.take_below(&under, after.as_deref(), tree),
            Told::Found(tree) if !self.searched.is_empty() => self.forest.take_found(Some(tree)),
            Told::Found(_) | Told::Gone => {}
            Told::Actor(page) => self.fill(Panel::Actor(page)),
            Told::Where(found) => self.fill(Panel::Where(found)),
            Told::Failures(told) => self.failures = told.failures,
            Told::Letters(told) => self.letters = told.dead_letters,
            Told::Stalled(told) => self.stalled = told.documents,
            Told::Shards(told) => self.shards = told.shards,
            Told::Tried(outcome) => {
                if let Some(prompt) = &mut self.prompt {
                    prompt.tried(outcome);
                }
            }
            Told::Done(outcome) => {
                self.prompt = None;
                self.said = format!("{}: {}", outcome.outcome, outcome.detail);
            }
            Told::NotDone(why) => match &mut self.prompt {
                Some(prompt) => prompt.refuse(why),
                None => self.said = why,
            },
            Told::Refused(why) => self.said = why,
        }
        self.hold();
    }

    /// An answer about something that is no longer watched is too late.
    fn fill(&mut self, panel: Panel) {
        let is_wanted = match (&self.watched, &panel) {
            (Some(Wanted::Actor { node, path }), Panel::Actor(page)) => {
                page.actor.as_ref().is_none_or(|actor| (node, path) == (&actor.node, &actor.path))
            }
            (Some(Wanted::Where(_)), Panel::Where(_)) => true,
            _ => false,
        };
        if is_wanted {
            self.panel = Some(panel);
        }
    }

    /// The chosen row of the tree stays chosen when rows come and go above it.
    fn hold(&mut self) {
        let Some(held) = &self.held else { return };
        if let Some(at) = self.forest.rows().iter().position(|row| row.place() == *held) {
            self.at[Tab::Tree.place()] = at;
        }
    }

    /// Takes a key.
    pub(crate) fn key(&mut self, key: KeyCode) -> Vec<Effect> {
        if let Some(prompt) = &mut self.prompt {
            let (action, reason) = (prompt.action.clone(), prompt.reason.trim().to_owned());
            return match prompt.take(key) {
                Step::Nothing => Vec::new(),
                Step::Leave => {
                    self.prompt = None;
                    Vec::new()
                }
                Step::Try => vec![Effect::Try(action, reason)],
                Step::Do => vec![Effect::Do(action, reason)],
            };
        }
        if self.typing.is_some() {
            return self.type_key(key);
        }
        self.said.clear();
        match key {
            KeyCode::Char('q') => vec![Effect::Leave],
            KeyCode::Esc => self.back(),
            KeyCode::Tab => self.turn_to(self.tab.next(true)),
            KeyCode::BackTab => self.turn_to(self.tab.next(false)),
            KeyCode::Char(digit @ '1'..='5') => {
                let place = usize::from(digit as u8 - b'1');
                Tab::ALL.get(place).map_or_else(Vec::new, |tab| self.turn_to(*tab))
            }
            KeyCode::Char('/') => {
                self.typing = Some(String::new());
                Vec::new()
            }
            KeyCode::PageDown if self.panel.is_some() => self.scroll_by(10),
            KeyCode::PageUp if self.panel.is_some() => self.scroll_by(-10),
            KeyCode::Down => self.move_to(self.at().saturating_add(1)),
            KeyCode::Up => self.move_to(self.at().saturating_sub(1)),
            KeyCode::PageDown => self.move_to(self.at().saturating_add(20)),
            KeyCode::PageUp => self.move_to(self.at().saturating_sub(20)),
            KeyCode::Home => self.move_to(0),
            KeyCode::End => self.move_to(usize::MAX),
            KeyCode::Right => self.unfold(true),
            KeyCode::Left => self.unfold(false),
            KeyCode::Enter => self.enter(),
            KeyCode::Char(letter) => self.offer(letter),
            _ => Vec::new(),
        }
    }

    fn type_key(&mut self, key: KeyCode) -> Vec<Effect> {
        let Some(text) = &mut self.typing else { return Vec::new() };
        match key {
            KeyCode::Esc => self.typing = None,
            KeyCode::Backspace => drop(text.pop()),
            KeyCode::Char(letter) if text.chars().count() < SEARCH_CHARACTERS_MAX => text.push(letter),
            KeyCode::Enter => {
                let text = text.trim().to_owned();
                self.typing = None;
                return self.search(text);
            }
            _ => {}
        }
        Vec::new()
    }

    /// In the tree actors are searched; elsewhere a document or a request.
    fn search(&mut self, text: String) -> Vec<Effect> {
        if self.tab == Tab::Tree {
            self.searched.clone_from(&text);
            if text.is_empty() {
                self.forest.take_found(None);
                return Vec::new();
            }
            return vec![Effect::Ask(Wanted::Found(text))];
        }
        if text.is_empty() { Vec::new() } else { self.watch(Wanted::Where(text)) }
    }

    fn watch(&mut self, wanted: Wanted) -> Vec<Effect> {
        self.panel = None;
        self.scroll = 0;
        self.watched = Some(wanted.clone());
        vec![Effect::Ask(wanted)]
    }

    fn show(&mut self, panel: Panel) -> Vec<Effect> {
        self.watched = None;
        self.scroll = 0;
        self.panel = Some(panel);
        Vec::new()
    }

    fn back(&mut self) -> Vec<Effect> {
        self.watched = None;
        if self.panel.take().is_none() && self.tab == Tab::Tree {
            self.searched.clear();
            self.forest.take_found(None);
        }
        Vec::new()
    }

    fn turn_to(&mut self, tab: Tab) -> Vec<Effect> {
        self.tab = tab;
        self.panel = None;
        self.watched = None;
        self.tick(self.now_ms)
    }

    fn scroll_by(&mut self, lines: i16) -> Vec<Effect> {
        self.scroll = self.scroll.saturating_add_signed(lines);
        Vec::new()
    }

    fn move_to(&mut self, at: usize) -> Vec<Effect> {
        let at = at.min(self.count().saturating_sub(1));
        if let Some(place) = self.at.get_mut(self.tab.place()) {
            *place = at;
        }
        if self.tab == Tab::Tree {
            self.held = self.forest.rows().get(at).map(Row::place);
        }
        Vec::new()
    }

    fn unfold(&mut self, wish: bool) -> Vec<Effect> {
        if self.tab != Tab::Tree {
            return Vec::new();
        }
        let rows = self.forest.rows();
        let Some(row) = rows.get(self.at()) else { return Vec::new() };
        let place = row.place();
        let can = match row {
            Row::Node(_, is_open) => *is_open != wish,
            Row::Actor(actor, _, is_open) => actor.children > 0 && *is_open != wish,
            Row::More { .. } => false,
        };
        if !can {
            return Vec::new();
        }
        let is_new = self.forest.open(&place, wish);
        if is_new { vec![Effect::Ask(below(place))] } else { Vec::new() }
    }

    fn enter(&mut self) -> Vec<Effect> {
        let at = self.at();
        match self.tab {
            Tab::Tree => match self.forest.rows().get(at) {
                Some(Row::Actor(actor, ..)) => {
                    let wanted = Wanted::Actor { node: actor.node.clone(), path: actor.path.clone() };
                    self.watch(wanted)
                }
                Some(Row::More { node, parent, after, .. }) => {
                    let (node, under) = ((*node).to_owned(), (*parent).to_owned());
                    vec![Effect::Ask(Wanted::Below { node, under, after: Some((*after).to_owned()) })]
                }
                Some(Row::Node(_, is_open)) => self.unfold(!*is_open),
                None => Vec::new(),
            },
            Tab::Documents => match self.stalled.get(at).map(|one| one.document.clone()) {
                Some(document) => self.watch(Wanted::Where(document)),
                None => Vec::new(),
            },
            Tab::Failures => match self.failures.get(at) {
                Some(one) => {
                    let wanted = Wanted::Actor { node: one.node.clone(), path: one.path.clone() };
                    self.watch(wanted)
                }
                None => Vec::new(),
            },
            Tab::DeadLetters => match self.letters.get(at).cloned() {
                Some(letter) => self.show(Panel::Letter(Box::new(letter))),
                None => Vec::new(),
            },
            Tab::Shards => match self.shards.get(at).cloned() {
                Some(shard) => self.show(Panel::Shard(Box::new(shard))),
                None => Vec::new(),
            },
        }
    }

    /// Asks about the action that a letter means here.
    fn offer(&mut self, letter: char) -> Vec<Effect> {
        match self.action(letter) {
            Some(action) => self.prompt = Some(Prompt::new(action)),
            None => self.said = format!("{letter:?} does nothing here"),
        }
        Vec::new()
    }

    fn action(&self, letter: char) -> Option<Action> {
        match letter {
            'r' => {
                self.actor().map(|(node, path)| Action::new("restart", json!({ "node": node, "path": path })))
            }
            'R' => self.retry(),
            'x' => self.letter().map(|one| Action::new("discard_dead_letters", json!({ "ids": [one.id] }))),
            'd' => self.drain(),
            'p' => self.pause(),
            _ => None,
        }
    }

    /// The actor that is looked at.
    fn actor(&self) -> Option<Place> {
        match &self.panel {
            Some(Panel::Actor(page)) => {
                return page.actor.as_ref().map(|actor| (actor.node.clone(), actor.path.clone()));
            }
            Some(Panel::Where(found)) => {
                return found.actor.as_ref().map(|actor| (actor.node.clone(), actor.path.clone()));
            }
            _ => {}
        }
        match self.tab {
            Tab::Tree => match self.forest.rows().get(self.at()) {
                Some(Row::Actor(actor, ..)) => Some((actor.node.clone(), actor.path.clone())),
                _ => None,
            },
            Tab::Failures => self.failures.get(self.at()).map(|one| (one.node.clone(), one.path.clone())),
            _ => None,
        }
    }

    fn letter(&self) -> Option<&DeadLetter> {
        match (&self.panel, self.tab) {
            (Some(Panel::Letter(letter)), _) => Some(letter),
            (Some(Panel::Where(found)), _) => found.dead_letters.first(),
            (None, Tab::DeadLetters) => self.letters.get(self.at()),
            _ => None,
        }
    }

    fn retry(&self) -> Option<Action> {
        if let Some(Panel::Where(found)) = &self.panel {
            let may = found.may.iter().find(|may| may.action.starts_with("retry"));
            return may.map(|may| Action::new(&may.action, may.target.clone()));
        }
        if let Some(letter) = self.letter().filter(|letter| letter.can_retry) {
            return Some(Action::new("retry_dead_letters", json!({ "ids": [letter.id] })));
        }
        let stalled = self.stalled.get(self.at()).filter(|_| self.tab == Tab::Documents)?;
        Some(Action::new("retry_document", json!({ "document": stalled.document })))
    }

    fn drain(&self) -> Option<Action> {
        match (&self.panel, self.tab) {
            (Some(Panel::Shard(shard)), _) => {
                Some(Action::new("drain_shard", json!({ "shard": shard.shard })))
            }
            (None, Tab::Shards) => {
                let shard = self.shards.get(self.at())?;
                Some(Action::new("drain_shard", json!({ "shard": shard.shard })))
            }
            (None, Tab::Tree) => match self.forest.rows().get(self.at()) {
                Some(Row::Node(node, _)) => {
                    let name = if node.cordoned { "undrain_node" } else { "drain_node" };
                    Some(Action::new(name, json!({ "node": node.name })))
                }
                _ => None,
            },
            _ => None,
        }
    }

    fn pause(&self) -> Option<Action> {
        let pause = |actor: &Actor| {
            let name = if actor.status == "paused" { "resume_pool" } else { "pause_pool" };
            let target = json!({ "node": actor.node, "path": actor.path });
            actor.is_pool().then(|| Action::new(name, target))
        };
        match (&self.panel, self.tab) {
            (Some(Panel::Actor(page)), _) => page.actor.as_ref().and_then(pause),
            (None, Tab::Tree) => match self.forest.rows().get(self.at()) {
                Some(Row::Actor(actor, ..)) => pause(actor),
                _ => None,
            },
            _ => None,
        }
    }
}

fn below((node, under): Place) -> Wanted {
    Wanted::Below { node, under, after: None }
}
