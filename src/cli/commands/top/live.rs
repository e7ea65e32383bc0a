//! `top` on a terminal: whatever happens comes in through one channel, changes the state, and is drawn.

use std::io::Stdout;
use std::sync::mpsc::Sender;

use crossterm::event;
use nix::sys::signal::Signal;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
use signal_hook::iterator::Signals;

use super::screen::{self, Screen};
use super::{News, Order, Wires, keys};
use crate::cli::args::TopArgs;
use crate::cli::{Exit, Failure, Refusal, Ui, interrupt};
use crate::process::stop;
use crate::report::number::{counted, iec};
use crate::tui::number::{signed, signed_iec, span};
use crate::tui::{self, Event, State, Wish};

/// Why the screen is left.
enum End {
    Quit,
    Interrupt,
    Signal(i32),
    /// The terminal does not take or send anything any more.
    Hangup,
}

/// Runs until somebody leaves.
pub(super) fn run(args: &TopArgs, mut state: State, wires: &Wires, out: Stdout, ui: &mut Ui) -> Result<Exit, Failure> {
    interrupt::leave_to_others();
    ui.hush();
    listen_for_signals(wires.tell.clone()).map_err(|why| refused(&why))?;
    let mut screen = Screen::enter(out).map_err(|why| refused(&why))?;
    listen_for_keys(wires.tell.clone());
    listen_for_its_end(wires.tell.clone());
    let end = watch(args, &mut state, wires, &mut screen);
    screen.leave();
    drop(screen);
    if !matches!(end, End::Hangup) {
        ui.say(&summary(&state));
    }
    Ok(match end {
        End::Quit if state.board.is_over() => Exit::Gone,
        End::Quit => Exit::Done,
        End::Interrupt | End::Signal(SIGINT) => Exit::Interrupted,
        End::Signal(SIGTERM) => Exit::Terminated,
        End::Signal(signal) => fall(signal),
        // The signal that tells of it may come later, or to somebody else.
        End::Hangup => fall(SIGHUP),
    })
}

/// Ends as it would have ended without leakspy's care for the terminal, so that a shell sees the signal.
fn fall(signal: i32) -> Exit {
    let _ = signal_hook::low_level::emulate_default_handler(signal);
    Exit::Interrupted
}

fn refused(why: &std::io::Error) -> Refusal {
    Refusal::new(Exit::Usage, "cannot take over the terminal", why.to_string())
        .help("leakspy top --batch   (needs none)")
}

fn watch(args: &TopArgs, state: &mut State, wires: &Wires, screen: &mut Screen) -> End {
    loop {
        if screen.draw(|frame| tui::draw(state, frame)).is_err() {
            return End::Hangup;
        }
        let Ok(first) = wires.news.recv() else { return End::Quit };
        // What has come meanwhile is drawn together; a single look out of several changes no picture yet.
        let mut dirty = false;
        for news in std::iter::once(first).chain(wires.news.try_iter()) {
            match take(news, args, state, wires, screen) {
                Ok(changed) => dirty |= changed,
                Err(end) => return end,
            }
        }
        while !dirty {
            let Ok(news) = wires.news.recv() else { return End::Quit };
            match take(news, args, state, wires, screen) {
                Ok(changed) => dirty = changed,
                Err(end) => return end,
            }
        }
    }
}

/// Takes in one piece of news; does the picture change?
fn take(news: News, args: &TopArgs, state: &mut State, wires: &Wires, screen: &mut Screen) -> Result<bool, End> {
    match news {
        News::Event(event) => {
            let quiet = matches!(event, Event::Saw(_));
            let round = matches!(event, Event::Round(_));
            let wish = state.on(event);
            if round && args.iterations.is_some_and(|most| state.board.rounds >= most) {
                return Err(End::Quit);
            }
            if let Some(wish) = wish {
                grant(wish, wires, screen)?;
            }
            Ok(!quiet)
        }
        News::Resized | News::Mustered(..) | News::Over | News::Blind(_) => Ok(true),
        News::Hangup => Err(End::Hangup),
        News::Signal(SIGTSTP) => suspend(screen).map(|()| true),
        News::Signal(signal) => Err(End::Signal(signal)),
    }
}

fn grant(wish: Wish, wires: &Wires, screen: &mut Screen) -> Result<(), End> {
    let order = match wish {
        Wish::Quit => return Err(End::Quit),
        Wish::Interrupt => return Err(End::Interrupt),
        Wish::Suspend => return suspend(screen),
        Wish::Redraw => return screen.clear().map_err(|_| End::Hangup),
        Wish::Forget => {
            wires.wanted.set(0);
            return Ok(());
        }
        Wish::Refresh => Order::Refresh,
        Wish::Interval(every) => Order::Interval(every),
        Wish::Pause(now) => Order::Pause(now),
        Wish::Holders { ticket, pid, of } => {
            wires.wanted.set(ticket);
            Order::Holders { ticket, pid, of }
        }
    };
    // Whoever looked has ended with the process.
    let _ = wires.orders.send(order);
    Ok(())
}

/// Stops leakspy as Ctrl-Z does.
fn suspend(screen: &mut Screen) -> Result<(), End> {
    screen.leave();
    stop::stop(Signal::SIGTSTP);
    screen.again().map_err(|_| End::Hangup)
}

fn listen_for_signals(tell: Sender<News>) -> std::io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGTSTP])?;
    std::thread::spawn(move || {
        for signal in signals.forever() {
            if tell.send(News::Signal(signal)).is_err() {
                return;
            }
        }
    });
    Ok(())
}

fn listen_for_keys(tell: Sender<News>) {
    std::thread::spawn(move || {
        loop {
            let news = match event::read() {
                Ok(event::Event::Key(key)) => keys::key(key).map(|key| News::Event(Event::Key(key))),
                Ok(event::Event::Resize(..)) => Some(News::Resized),
                Ok(_) => None,
                Err(_) => {
                    let _ = tell.send(News::Hangup);
                    return;
                }
            };
            if news.is_some_and(|news| tell.send(news).is_err()) {
                return;
            }
        }
    });
}

/// Whoever reads keys may not notice that no key can come any more.
fn listen_for_its_end(tell: Sender<News>) {
    std::thread::spawn(move || {
        if screen::wait_for_its_end() {
            let _ = tell.send(News::Hangup);
        }
    });
}

/// The last word, on the screen that was there before.
fn summary(state: &State) -> String {
    let board = &state.board;
    let who = match (board.members().next(), board.len()) {
        (Some(member), 1) => format!("process {}", member.subject.pid),
        (_, many) => counted(many as u64, "process"),
    };
    let ended = if board.is_over() { ", ended" } else { "" };
    let since = board.shown().map(|member| member.trends.since()).max().unwrap_or_default();
    let rss: u64 = board.shown().map(|member| member.usage.rss_bytes).sum();
    let total = board.total();
    let (looks, rss) = (counted(board.rounds, "look"), iec(rss));
    let (objects, bytes) = (signed(total.since.count), signed_iec(total.since.bytes));
    let mut types = board.types(None);
    crate::analysis::trend::order(&mut types, crate::analysis::TrendSort::Growth);
    let most = types.first().filter(|trend| trend.growth() > 0).map_or_else(String::new, |trend| {
        format!("; most: {} {}, {}", trend.name, signed(trend.since.count), signed_iec(trend.since.bytes))
    });
    format!("{who}{ended}: {looks}, RSS {rss}; in {} objects {objects}, {bytes}{most}", span(since))
}
