//! What the terminal sends → keys that mean something.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::tui::Key;

/// The key, if it means anything.
pub(super) fn key(of: KeyEvent) -> Option<Key> {
    if of.kind == KeyEventKind::Release {
        return None;
    }
    if of.modifiers.contains(KeyModifiers::CONTROL) {
        return match of.code {
            KeyCode::Char('c') => Some(Key::Interrupt),
            KeyCode::Char('z') => Some(Key::Suspend),
            KeyCode::Char('l') => Some(Key::Redraw),
            KeyCode::Char('f') => Some(Key::PageDown),
            KeyCode::Char('b') => Some(Key::PageUp),
            KeyCode::Char('h') => Some(Key::Backspace),
            _ => None,
        };
    }
    if of.modifiers.contains(KeyModifiers::ALT) {
        return None;
    }
    Some(match of.code {
        KeyCode::Char(c) => Key::Char(c),
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Escape,
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Tab => Key::Tab,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::F(1) => Key::Char('?'),
        KeyCode::F(5) => Key::Char('u'),
        _ => return None,
    })
}
