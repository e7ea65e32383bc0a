//! `sys.modules` → a root a module, told apart as the user's own or a library's. The dict counts the references to them,
//! so these roots count none.

use rustc_hash::FxHashSet;

use super::{Finder, Places};
use crate::addr::Addr;
use crate::cpython::dict;
use crate::heap::RootKind;
use crate::memory::Memory;

/// One module of `sys.modules`.
struct Module {
    key: String,
    at: Addr,
    /// Is the key the module's own name?
    own_name: bool,
    user: bool,
}

/// Finds the modules of one interpreter.
pub(super) fn read<M: Memory + ?Sized>(places: &Places<'_, M>, interpreter: Addr, found: &mut Finder<'_>) {
    let mut modules = all(places, interpreter);
    // A module is called first by its own name, then by others that it goes by.
    modules.sort_by_key(|module| !module.own_name);
    for module in modules {
        let kind = if module.user { RootKind::UserModule } else { RootKind::LibraryModule };
        found.add(module.at, kind, &module.key, 0);
    }
}

/// The module of this name.
pub(super) fn named<M: Memory + ?Sized>(places: &Places<'_, M>, interpreter: Addr, name: &str) -> Option<Addr> {
    places.item(places.word(interpreter, places.layout.interpreter.modules.at)?, name)
}

/// A module's dict.
pub(super) fn dict_of<M: Memory + ?Sized>(places: &Places<'_, M>, module: Addr) -> Option<Addr> {
    if !places.derives(places.type_of(module)?, "module") {
        return None;
    }
    places.word(module, places.layout.module.md_dict.at).filter(|dict| !dict.is_null())
}

/// The dicts of all modules.
pub(super) fn dicts<M: Memory + ?Sized>(places: &Places<'_, M>, interpreter: Addr) -> Vec<Addr> {
    entries(places, interpreter).into_iter().filter_map(|(_, module)| dict_of(places, module)).collect()
}

fn entries<M: Memory + ?Sized>(places: &Places<'_, M>, interpreter: Addr) -> Vec<(Addr, Addr)> {
    let modules = places.word(interpreter, places.layout.interpreter.modules.at);
    modules.and_then(|modules| dict::entries(places.mem, places.layout, modules)).unwrap_or_default()
}

fn all<M: Memory + ?Sized>(places: &Places<'_, M>, interpreter: Addr) -> Vec<Module> {
    let library = named(places, interpreter, "os")
        .and_then(|os| dict_of(places, os))
        .and_then(|dict| places.text(places.item(dict, "__file__")?))
        .and_then(|file| Some(file.rsplit_once('/')?.0.to_owned()));
    let module = |(key, at): (Addr, Addr)| {
        let key = places.text(key)?;
        let Some(dict) = dict_of(places, at) else {
            // 2.7 puts None there for a relative import that was none; anything else has taken a module's place.
            let none = places.derives(places.type_of(at)?, "NoneType");
            return (!none).then_some(Module { key, at, own_name: true, user: true });
        };
        let text = |name| places.text(places.item(dict, name)?);
        let own_name = text("__name__").is_some_and(|name| name == key);
        let user = key == "__main__" || text("__file__").is_some_and(|file| is_user(&file, library.as_deref()));
        Some(Module { key, at, own_name, user })
    };
    let mut modules: Vec<Module> = entries(places, interpreter).into_iter().filter_map(module).collect();
    let libraries: FxHashSet<String> = modules.iter().filter(|m| !m.user).map(|m| m.key.clone()).collect();
    for module in &mut modules {
        // `typing.io` is a class
        let package = module.key.split('.').next().unwrap_or_default();
        module.user &= package == module.key || !libraries.contains(package);
    }
    modules
}

/// Is a module from this file the user's own? `library`: where the standard library lies.
fn is_user(file: &str, library: Option<&str>) -> bool {
    let installed = ["/site-packages/", "/dist-packages/", "/lib-dynload/"].iter().any(|part| file.contains(part));
    let standard = library
        .filter(|library| !library.is_empty())
        .is_some_and(|library| file.strip_prefix(library).is_some_and(|rest| rest.starts_with('/')));
    !installed && !standard && !file.starts_with("<frozen")
}

#[cfg(test)]
mod tests {
    use super::is_user;

    #[test]
    fn what_is_installed_is_a_librarys() {
        let library = Some("/opt/py/lib/python3.12");
        for (file, user) in [
            ("/srv/app/app.py", true),
            ("app.py", true),
            ("/opt/py/lib/python3.12/json/__init__.py", false),
            ("/opt/py/lib/python3.12/site-packages/flask/app.py", false),
            ("/usr/lib/python3/dist-packages/six.py", false),
            ("/opt/py/lib/python3.12-apps/mine.py", true),
            ("<frozen importlib._bootstrap>", false),
        ] {
            assert_eq!(is_user(file, library), user, "{file}");
        }
        assert!(is_user("/srv/app.py", Some("")));
    }
}
