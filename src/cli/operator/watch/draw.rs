//! Draws what the watcher shows; decides nothing.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph, Wrap};

use super::forest::Row;
use super::prompt::{Prompt, Stage};
use super::state::{Panel, Tab, View};
use crate::cli::operator::shape::{Actor, Failed};
use crate::cli::operator::text;

/// From this width on the panel stands beside the list; below it, in its place.
const WIDE: u16 = 110;
/// Things that an action would touch, by name; the rest is counted.
const TOUCHES_MAX: usize = 8;

const KEYS: &str = "Tab view  arrows move, open  / search  Enter show  r restart  R retry  d drain  p pause  x discard  Esc back  q leave";

/// Draws everything.
pub(crate) fn draw(frame: &mut Frame<'_>, view: &View) {
    let banners = banners(view);
    let heights = [Constraint::Length(1), Constraint::Length(u16::try_from(banners.len()).unwrap_or(0))];
    let rest = [Constraint::Fill(1), Constraint::Length(1)];
    let [tabs, banner, body, foot] = Layout::vertical(heights.into_iter().chain(rest)).areas(frame.area());
    frame.render_widget(Paragraph::new(tab_line(view)), tabs);
    frame.render_widget(Paragraph::new(banners), banner);
    match &view.panel {
        Some(panel) if body.width >= WIDE => {
            let [list, beside] = Layout::horizontal([Constraint::Fill(3), Constraint::Fill(2)]).areas(body);
            draw_list(frame, view, list);
            draw_panel(frame, view, panel, beside);
        }
        Some(panel) => draw_panel(frame, view, panel, body),
        None => draw_list(frame, view, body),
    }
    frame.render_widget(Paragraph::new(foot_line(view)), foot);
    if let Some(prompt) = &view.prompt {
        draw_prompt(frame, prompt);
    }
}

fn tab_line(view: &View) -> Line<'static> {
    let (nodes, actors) = view.forest.counts();
    let tabs = Tab::ALL.iter().enumerate().flat_map(|(at, tab)| {
        let style =
            if *tab == view.tab { Style::new().add_modifier(Modifier::REVERSED) } else { Style::new() };
        [Span::styled(format!(" {} {} ", at + 1, tab.name()), style), Span::raw(" ")]
    });
    let counts = Span::raw(format!("  {nodes} nodes, {actors} actors"));
    Line::from_iter(tabs.chain([counts]))
}

fn banners(view: &View) -> Vec<Line<'static>> {
    let bad = Style::new().fg(Color::Red).add_modifier(Modifier::BOLD);
    let gone = view.gone_since_ms.map(|since| {
        let silent_ms = view.now_ms.saturating_sub(since);
        Line::styled(
            format!("no answer for {}: what is shown is from before", text::lasts_ms(silent_ms)),
            bad,
        )
    });
    let unseen = view.unseen.iter().map(|one| {
        Line::styled(format!("cannot see {}: {}", one.what, one.why), Style::new().fg(Color::Yellow))
    });
    gone.into_iter().chain(unseen).collect()
}

fn foot_line(view: &View) -> Line<'static> {
    match (&view.typing, view.said.is_empty()) {
        (Some(text), _) => {
            let about = if view.tab == Tab::Tree { "actor" } else { "document or request" };
            Line::from(format!("/ {about}: {text}_"))
        }
        (None, false) => Line::styled(view.said.clone(), Style::new().fg(Color::Yellow)),
        (None, true) => Line::styled(KEYS, Style::new().add_modifier(Modifier::DIM)),
    }
}

/// Draws the rows in sight; what is chosen is always among them.
fn draw_list(frame: &mut Frame<'_>, view: &View, area: Rect) {
    let height = usize::from(area.height);
    let first = view.at().saturating_sub(height / 2).min(view.count().saturating_sub(height));
    let lines = match view.tab {
        Tab::Tree => tree_lines(view, first, height),
        Tab::Documents => table(view.stalled.iter().skip(first).take(height).map(|one| {
            let owner = one.owner.clone().unwrap_or_default();
            let why = one.why.clone().unwrap_or_default();
            (
                vec![one.document.clone(), one.stage.clone(), text::lasts_ms(one.for_s * 1_000), owner, why],
                None,
            )
        })),
        Tab::Failures => table(
            view.failures
                .iter()
                .skip(first)
                .take(height)
                .map(|one| (text::failure_row(one), Some(Color::Red))),
        ),
        Tab::DeadLetters => {
            table(view.letters.iter().skip(first).take(height).map(|one| (text::letter_row(one), None)))
        }
        Tab::Shards => table(
            view.shards
                .iter()
                .skip(first)
                .take(height)
                .map(|one| (text::shard_row(one), (one.status != "serving").then_some(Color::Yellow))),
        ),
    };
    if lines.is_empty() {
        let nothing = match view.tab {
            Tab::Documents => "No document is stalled. / asks where a document or a request is.",
            Tab::Failures => "Nothing has failed.",
            Tab::DeadLetters => "There are no dead letters.",
            Tab::Tree | Tab::Shards => "Nothing is known yet.",
        };
        return frame.render_widget(Paragraph::new(nothing), area);
    }
    let chosen = view.at() - first;
    let lines = lines.into_iter().enumerate().map(|(at, line)| {
        if at == chosen { line.patch_style(Style::new().add_modifier(Modifier::REVERSED)) } else { line }
    });
    frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), area);
}

fn table(rows: impl Iterator<Item = (Vec<String>, Option<Color>)>) -> Vec<Line<'static>> {
    let (rows, colours): (Vec<_>, Vec<_>) = rows.unzip();
    let lines = text::columns(&rows).into_iter().zip(colours);
    lines
        .map(|(line, colour)| Line::styled(line, colour.map_or(Style::new(), |c| Style::new().fg(c))))
        .collect()
}

fn tree_lines(view: &View, first: usize, height: usize) -> Vec<Line<'static>> {
    let is_search = view.forest.is_search();
    let rows = view.forest.rows();
    rows.iter().skip(first).take(height).map(|row| tree_line(row, is_search)).collect()
}

fn tree_line(row: &Row<'_>, is_search: bool) -> Line<'static> {
    let bold = Style::new().add_modifier(Modifier::BOLD);
    match row {
        Row::Node(node, is_open) => {
            let sign = if *is_open { "▾" } else { "▸" };
            let state = match (node.answered, node.cordoned) {
                (false, _) => ("no answer", Color::Red),
                (true, true) => ("drained", Color::Yellow),
                (true, false) => ("answers", Color::Green),
            };
            let why = node.why.clone().unwrap_or_default();
            let here = if node.here { " (asked)" } else { "" };
            Line::from(vec![
                Span::styled(format!("{sign} {:38}", format!("{}{here}", node.name)), bold),
                Span::styled(format!("{:20}", state.0), Style::new().fg(state.1)),
                Span::raw(format!("{} actors  {} {why}", node.actors_total, node.roles.join(","))),
            ])
        }
        Row::Actor(actor, level, is_open) => actor_line(actor, *level, *is_open, is_search),
        Row::More { level, .. } => Line::from(format!("{}… Enter loads more", "  ".repeat(*level + 1))),
    }
}

fn actor_line(actor: &Actor, level: usize, is_open: bool, is_search: bool) -> Line<'static> {
    let sign = match (actor.children > 0 && !is_search, is_open) {
        (false, _) => " ",
        (true, true) => "▾",
        (true, false) => "▸",
    };
    let name = match actor.path.rsplit_once('/') {
        Some((_, name)) if !is_search => name,
        _ => actor.path.as_str(),
    };
    let name = format!("{}{sign} {name}", "  ".repeat(level));
    let children = if actor.children > 0 { format!("{} inside  ", actor.children) } else { String::new() };
    let times = match actor.p50_us {
        Some(_) => format!("  p50 {} p99 {}", text::us(actor.p50_us), text::us(actor.p99_us)),
        None => String::new(),
    };
    let hand = actor.busy.as_ref().map(|_| format!("  {}", text::in_hand(actor))).unwrap_or_default();
    Line::from(vec![
        Span::raw(format!("{name:40}")),
        Span::styled(format!("{:20}", text::status(actor)), Style::new().fg(colour(&actor.status))),
        Span::raw(format!("{children}{}{hand}{times}  restarts {}", mailbox(actor), text::restarts(actor))),
    ])
}

fn mailbox(actor: &Actor) -> String {
    actor.mailbox.as_ref().map(|_| format!("{} waiting", text::mailbox(actor))).unwrap_or_default()
}

fn colour(status: &str) -> Color {
    match status {
        "running" | "ready" | "done" | "serving" => Color::Green,
        "busy" | "starting" | "processing" => Color::Blue,
        "waiting" | "restarting" | "draining" => Color::Yellow,
        "stuck" | "failed" => Color::Red,
        "quarantined" => Color::Magenta,
        _ => Color::Gray,
    }
}

fn draw_panel(frame: &mut Frame<'_>, view: &View, panel: &Panel, area: Rect) {
    let (title, lines) = match panel {
        Panel::Actor(page) => {
            let gone = || vec![Line::from("It is gone; what failed in it is remembered.")];
            let mut lines = page.actor.as_ref().map_or_else(gone, vitals);
            lines.extend(failure_lines(&page.failures));
            lines.push(head("History"));
            lines.extend(page.history.iter().map(|one| {
                let detail = one.detail.clone().unwrap_or_default();
                Line::from(format!("{}  {:10} {detail}", text::when(one.at_ms), one.what))
            }));
            let name = page.actor.as_ref().map(|actor| format!(" {}:{} ", actor.node, actor.path));
            (name.unwrap_or_default(), lines)
        }
        Panel::Where(found) => (format!(" {} {} ", found.what, found.id), where_lines(found)),
        Panel::Letter(letter) => {
            let document = letter.document.clone().unwrap_or_else(|| "-".to_owned());
            let lines = vec![
                Line::styled(letter.reason.clone(), Style::new().fg(Color::Red)),
                fact("actor", format!("{}:{}", letter.node, letter.path)),
                fact("document", document),
                fact("since", text::when(letter.at_ms)),
                fact("tries", letter.attempts.to_string()),
                Line::from(if letter.can_retry { "R retries it, x discards it" } else { "x discards it" }),
            ];
            (format!(" {} ", letter.message), lines)
        }
        Panel::Shard(shard) => {
            let mut lines = vec![
                fact("status", shard.status.clone()),
                fact("owner", shard.owner.clone().unwrap_or_else(|| "none".to_owned())),
                fact("epoch", shard.epoch.to_string()),
                fact("why", shard.why.clone().unwrap_or_else(|| "-".to_owned())),
            ];
            lines.extend(shard.replicas.iter().map(|replica| {
                let lag = replica.lag.map_or("-".to_owned(), |lag| format!("{lag} behind"));
                fact("replica", format!("{} {lag}", replica.node))
            }));
            (format!(" shard {} ", shard.shard), lines)
        }
    };
    let last = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_sub(1);
    let text = Paragraph::new(lines).block(Block::bordered().title(title)).wrap(Wrap { trim: false });
    frame.render_widget(text.scroll((view.scroll.min(last), 0)), area);
}

fn vitals(actor: &Actor) -> Vec<Line<'static>> {
    let limit = actor.intensity.as_ref().map(|one| format!(" within {} s", one.period_s)).unwrap_or_default();
    let oldest = actor.mailbox.as_ref().and_then(|mailbox| mailbox.oldest_ms);
    let oldest = oldest.map(|ms| format!(", the oldest for {}", text::lasts_ms(ms))).unwrap_or_default();
    vec![
        Line::from(vec![
            Span::raw(format!("{:9} ", "status")),
            Span::styled(text::status(actor), Style::new().fg(colour(&actor.status))),
        ]),
        fact("kind", actor.kind.clone()),
        fact("since", text::when(actor.started_ms)),
        fact("mailbox", format!("{}{oldest}", text::mailbox(actor))),
        fact("in hand", text::in_hand(actor)),
        fact("handled", format!("{}, {:.1} per s", actor.handled, actor.rate_per_s)),
        fact("times", format!("p50 {} p99 {}", text::us(actor.p50_us), text::us(actor.p99_us))),
        fact("restarts", format!("{}{limit}", text::restarts(actor))),
        fact("note", actor.note.clone().unwrap_or_else(|| "-".to_owned())),
    ]
}

fn where_lines(found: &crate::cli::operator::shape::Where) -> Vec<Line<'static>> {
    let mut lines = vec![Line::from(vec![
        Span::raw(format!("{:9} ", "status")),
        Span::styled(found.status.clone(), Style::new().fg(colour(&found.status))),
    ])];
    if let Some(actor) = &found.actor {
        lines.push(fact("actor", format!("{}:{} {}", actor.node, actor.path, text::status(actor))));
    }
    if let Some(shard) = found.shard {
        lines.push(fact("shard", format!("{shard} of {}", found.owner.as_deref().unwrap_or("no owner"))));
    }
    lines.push(head("Path"));
    lines.extend(found.path.iter().map(|step| {
        let ms = |value: Option<u64>| value.map_or("-".to_owned(), text::lasts_ms);
        let actor = step.actor.clone().unwrap_or_default();
        let who = format!("{}:{actor}", step.node.as_deref().unwrap_or("-"));
        let times = format!("waited {} worked {}", ms(step.queue_ms), ms(step.work_ms));
        let detail = step.detail.clone().unwrap_or_default();
        Line::from(vec![
            Span::raw(format!("{:10} ", step.stage)),
            Span::styled(format!("{:8} ", step.status), Style::new().fg(colour(&step.status))),
            Span::raw(format!("{who}  {times}  {detail}")),
        ])
    }));
    lines.extend(failure_lines(&found.failures));
    let may: Vec<&str> = found.may.iter().map(|may| may.action.as_str()).collect();
    if !may.is_empty() {
        lines.push(head("What can be done"));
        lines.push(Line::from(may.join(", ")));
    }
    lines
}

fn failure_lines(failures: &[Failed]) -> Vec<Line<'static>> {
    let mut lines = vec![head("Failures")];
    if failures.is_empty() {
        lines.push(Line::from("None is known."));
    }
    for failure in failures {
        let message = failure.message.clone().unwrap_or_default();
        let line = format!("{}  {message}: {}", text::when(failure.at_ms), failure.reason);
        lines.push(Line::styled(line, Style::new().fg(Color::Red)));
        let backtrace = failure.backtrace.iter().flat_map(|backtrace| backtrace.lines());
        lines.extend(backtrace.map(|line| Line::from(format!("  {}", line.trim_end()))));
    }
    lines
}

/// What an action is about, as its names and values.
fn target(target: &serde_json::Value) -> String {
    let fields = target.as_object().into_iter().flatten();
    let fields =
        fields.map(|(name, value)| format!("{name} {}", value.to_string().replace(['"', '[', ']'], "")));
    fields.collect::<Vec<_>>().join("  ")
}

fn head(text: &'static str) -> Line<'static> {
    Line::styled(text, Style::new().add_modifier(Modifier::BOLD | Modifier::UNDERLINED))
}

fn fact(name: &'static str, value: String) -> Line<'static> {
    Line::from(format!("{name:9} {value}"))
}

fn draw_prompt(frame: &mut Frame<'_>, prompt: &Prompt) {
    let whole = frame.area();
    let (width, height) = (whole.width.min(76), whole.height.min(16));
    let area = Rect::new((whole.width - width) / 2, (whole.height - height) / 2, width, height);
    let mut lines = vec![
        Line::from(target(&prompt.action.target)),
        Line::default(),
        Line::from(format!(
            "Reason: {}{}",
            prompt.reason,
            if matches!(prompt.stage, Stage::Reason) { "_" } else { "" }
        )),
    ];
    lines.extend(prompt.refused.iter().map(|why| Line::styled(why.clone(), Style::new().fg(Color::Red))));
    match &prompt.stage {
        Stage::Reason => lines.push(Line::from("Enter shows what it would touch, Esc leaves it.")),
        Stage::Waits => lines.push(Line::from("Working…")),
        Stage::Tried(outcome) => {
            lines.push(Line::from(format!("It would touch {}:", outcome.touches.len())));
            lines.extend(outcome.touches.iter().take(TOUCHES_MAX).map(|touch| {
                Line::from(format!("  {} {}", touch.node.as_deref().unwrap_or(""), touch.what))
            }));
            if outcome.touches.len() > TOUCHES_MAX {
                lines.push(Line::from(format!("  and {} more", outcome.touches.len() - TOUCHES_MAX)));
            }
            lines.push(Line::from(outcome.detail.clone()));
            lines.push(Line::styled(
                "Enter does it, Esc leaves it.",
                Style::new().add_modifier(Modifier::BOLD),
            ));
        }
    }
    let title = format!(" {} ", prompt.action.name.replace('_', " "));
    frame.render_widget(Clear, area);
    let text = Paragraph::new(lines).wrap(Wrap { trim: false }).block(Block::bordered().title(title));
    frame.render_widget(text, area);
}
