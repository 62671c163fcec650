//! Profiles as TOML files.

use super::builtin::{formats_of, has_rop};
use super::feature::{Feature, Operator, Rop2};
use super::set::{Member, Rop3Set, Set};
use super::{Drawn, Profile};
use crate::qxl::OpKind;
use crate::wire::{ImageCompression, ImageKind, ServerKind};
use std::fmt::{self, Write};
use toml::{Table, Value};

/// A profile file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProfileError {
    /// It is not TOML; the text says where and why.
    Syntax(String),
    /// A key has no meaning.
    UnknownKey {
        /// The key, with those above it, as in `ops.COPY.rop`.
        key: String,
        /// The keys that have one there.
        known: String,
    },
    /// A key is missing.
    Missing {
        /// The key.
        key: String,
    },
    /// A value is not what its key wants.
    Value {
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// What it could be.
        wanted: String,
    },
}

impl fmt::Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(text) => write!(f, "{}", text.trim_end()),
            Self::UnknownKey { key, known } => write!(f, "{key}: unknown key, there are {known}"),
            Self::Missing { key } => write!(f, "{key}: missing"),
            Self::Value { key, value, wanted } => write!(f, "{key}: {value} is not {wanted}"),
        }
    }
}

impl std::error::Error for ProfileError {}

type Result<T> = std::result::Result<T, ProfileError>;

/// A table whose keys are taken one by one; what is left in the end is unknown.
struct Keys {
    path: String,
    table: Table,
    known: Vec<String>,
}

impl Keys {
    fn key(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn take(&mut self, key: &str) -> Option<Value> {
        self.known.push(key.to_owned());
        self.table.remove(key)
    }

    /// Applies `read` to the value of a key, if it is there.
    fn with<T>(&mut self, key: &str, read: impl FnOnce(&str, Value) -> Result<T>, to: &mut T) -> Result<()> {
        if let Some(value) = self.take(key) {
            *to = read(&self.key(key), value)?;
        }
        Ok(())
    }

    /// The table of a key; an empty one if it is not there.
    fn sub(&mut self, key: &str) -> Result<Keys> {
        let path = self.key(key);
        match self.take(key) {
            None => Ok(Keys { path, table: Table::new(), known: Vec::new() }),
            Some(Value::Table(table)) => Ok(Keys { path, table, known: Vec::new() }),
            Some(value) => Err(wrong(&path, &value, "a table")),
        }
    }

    fn end(self) -> Result<()> {
        match self.table.keys().next() {
            None => Ok(()),
            Some(key) => Err(ProfileError::UnknownKey { key: self.key(key), known: self.known.join(", ") }),
        }
    }
}

fn wrong(key: &str, value: &Value, wanted: &str) -> ProfileError {
    ProfileError::Value { key: key.to_owned(), value: value.to_string(), wanted: wanted.to_owned() }
}

fn text(key: &str, value: Value) -> Result<String> {
    match value {
        Value::String(s) => Ok(s),
        value => Err(wrong(key, &value, "a text")),
    }
}

fn flag(key: &str, value: Value) -> Result<bool> {
    value.as_bool().ok_or_else(|| wrong(key, &value, "true or false"))
}

fn number<T: TryFrom<i64>>(key: &str, value: Value) -> Result<T> {
    let n = value.as_integer().and_then(|n| T::try_from(n).ok());
    n.ok_or_else(|| wrong(key, &value, "a number in range"))
}

/// One of some names.
fn word<T: Copy>(key: &str, value: &Value, words: &[(&str, T)]) -> Result<T> {
    match words.iter().find(|(w, _)| value.as_str() == Some(w)) {
        Some((_, meaning)) => Ok(*meaning),
        None => {
            let all: Vec<_> = words.iter().map(|(w, _)| format!("\"{w}\"")).collect();
            Err(wrong(key, value, &format!("one of {}", all.join(", "))))
        }
    }
}

/// A list of members of `all`, or the word for all of them.
fn set<T: Member>(all: Set<T>) -> impl Fn(&str, Value) -> Result<Set<T>> {
    move |key, value| match value {
        Value::String(s) if s == "all" => Ok(all),
        Value::Array(list) => {
            let words: Vec<_> = all.iter().map(|m| (m.name(), m)).collect();
            let member = |(i, v): (usize, &Value)| word(&format!("{key}[{i}]"), v, &words);
            Ok(Set::of(&list.iter().enumerate().map(member).collect::<Result<Vec<T>>>()?))
        }
        value => Err(wrong(key, &value, "a list or \"all\"")),
    }
}

fn codes(key: &str, value: Value) -> Result<Rop3Set> {
    match &value {
        Value::Array(list) => {
            let code = |(i, v): (usize, &Value)| number::<u8>(&format!("{key}[{i}]"), v.clone());
            Ok(Rop3Set::of(list.iter().enumerate().map(code).collect::<Result<Vec<u8>>>()?))
        }
        Value::String(_) => word(key, &value, &[("all", Rop3Set::ALL), ("ternary", Rop3Set::ternary())]),
        _ => Err(wrong(key, &value, "a list of codes, \"all\" or \"ternary\"")),
    }
}

/// The messages that a client may ignore: all but drawings.
fn messages() -> Set<ServerKind> {
    Set::of(&ServerKind::ALL.iter().copied().filter(|k| k.op().is_none()).collect::<Vec<_>>())
}

const DRAWN: [(&str, Drawn); 3] = [("no", Drawn::No), ("as-copy", Drawn::AsCopy), ("yes", Drawn::Yes)];

impl Profile {
    /// Reads a profile as [`Profile::to_toml`] writes it. A key that is missing means nothing of it (`drawn` in a
    /// table of `ops` means "yes"); with `base = "NAME"` it means what the built-in profile of that name has.
    pub fn from_toml(toml: &str) -> Result<Profile> {
        let table = toml.parse::<Table>().map_err(|e| ProfileError::Syntax(e.to_string()))?;
        let mut keys = Keys { path: String::new(), table, known: Vec::new() };
        let mut p = match keys.take("base") {
            None => Profile::nothing(),
            Some(name) => {
                let names: Vec<_> = Profile::builtin_names().map(|n| (n, n)).collect();
                let name = word("base", &name, &names)?;
                Profile::builtin(name).ok_or_else(|| ProfileError::Missing { key: name.to_owned() })?
            }
        };
        let name = keys.take("name").ok_or_else(|| ProfileError::Missing { key: "name".to_owned() })?;
        p.name = text("name", name)?;
        keys.with("comment", text, &mut p.comment)?;
        keys.with("minor", number, &mut p.minor)?;
        let compression = |key: &str, v: Value| {
            let words = ImageCompression::ALL.map(|c| (c.name(), c));
            word(key, &v, &words[1..]).map(Some)
        };
        keys.with("preferred-compression", compression, &mut p.preferred)?;
        keys.with("ignored-messages", set(messages()), &mut p.ignored)?;

        let mut surfaces = keys.sub("surfaces")?;
        surfaces.with("primary", set(Set::all()), &mut p.primary)?;
        surfaces.with("off-screen", set(Set::all()), &mut p.off_screen)?;
        surfaces.end()?;

        let mut caches = keys.sub("caches")?;
        let pixels = |key: &str, v: Value| {
            number::<i64>(key, v.clone())
                .and_then(|n| u64::try_from(n).map_err(|_| wrong(key, &v, "a number in range")))
        };
        caches.with("images", pixels, &mut p.image_cache)?;
        caches.with("glz", number, &mut p.glz_window)?;
        caches.with("palettes", number, &mut p.palette_cache)?;
        caches.end()?;

        let mut images = keys.sub("images")?;
        for kind in ImageKind::ALL {
            let all = formats_of(kind);
            let to = p.image_mut(kind);
            if kind.carries_pixels() {
                images.with(kind.name(), set(all), to)?;
            } else {
                let all_or_none = |key: &str, v| flag(key, v).map(|f| if f { all } else { Set::NONE });
                images.with(kind.name(), all_or_none, to)?;
            }
        }
        images.end()?;

        let mut quirks = keys.sub("quirks")?;
        quirks.with("jpeg-reorders", flag, &mut p.quirks.jpeg_reorders)?;
        quirks.with("lz-top-down-only", flag, &mut p.quirks.lz_top_down_only)?;
        quirks.with("jpeg-alpha-opaque", flag, &mut p.quirks.jpeg_alpha_opaque)?;
        quirks.with("composite-sticks", flag, &mut p.quirks.composite_sticks)?;
        quirks.end()?;

        let mut ops = keys.sub("ops")?;
        for kind in &OpKind::ALL[1..] {
            let there = ops.table.contains_key(kind.name());
            let mut keys = ops.sub(kind.name())?;
            let op = p.op_mut(*kind);
            if there {
                op.drawn = Drawn::Yes;
            }
            keys.with("drawn", |key, v| word(key, &v, &DRAWN), &mut op.drawn)?;
            keys.with("features", set(Feature::of_op(*kind)), &mut op.features)?;
            keys.with("ignores", set(Feature::of_op(*kind)), &mut op.ignores)?;
            if has_rop(*kind) {
                keys.with("rops", set(Set::all()), &mut op.rops)?;
                keys.with("rop-as-put", flag, &mut op.rop_as_put)?;
            }
            match kind {
                OpKind::Rop3 => keys.with("codes", codes, &mut p.rop3)?,
                OpKind::Composite => keys.with("operators", set(Operator::defined()), &mut p.operators)?,
                _ => {}
            }
            keys.end()?;
        }
        ops.end()?;
        keys.end()?;
        Ok(p)
    }

    /// The profile as a TOML file that [`Profile::from_toml`] reads back to the same. What the client lacks is
    /// left out.
    pub fn to_toml(&self) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        _ = self.write_toml(&mut out);
        out
    }

    fn write_toml(&self, out: &mut String) -> fmt::Result {
        let quote = |s: &str| Value::String(s.to_owned()).to_string();
        writeln!(out, "name = {}", quote(&self.name))?;
        writeln!(out, "comment = {}", quote(&self.comment))?;
        writeln!(out, "minor = {}", self.minor)?;
        if let Some(c) = self.preferred {
            writeln!(out, "preferred-compression = \"{}\"", c.name())?;
        }
        write_set(out, "ignored-messages", self.ignored, messages())?;
        writeln!(out, "\n[surfaces]")?;
        // The one set that is not empty where the file is silent.
        match self.primary.is_empty() {
            true => writeln!(out, "primary = []")?,
            false => write_set(out, "primary", self.primary, Set::all())?,
        }
        write_set(out, "off-screen", self.off_screen, Set::all())?;
        writeln!(out, "\n[caches] # images and glz in pixels")?;
        for (key, n) in [
            ("images", self.image_cache),
            ("glz", self.glz_window.into()),
            ("palettes", self.palette_cache.into()),
        ] {
            if n != 0 {
                writeln!(out, "{key} = {n}")?;
            }
        }
        writeln!(out, "\n[images]")?;
        for kind in ImageKind::ALL {
            match kind.carries_pixels() {
                true => write_set(out, kind.name(), self.image(kind), formats_of(kind))?,
                false => write_flag(out, kind.name(), !self.image(kind).is_empty())?,
            }
        }
        writeln!(out, "\n[quirks]")?;
        write_flag(out, "jpeg-reorders", self.quirks.jpeg_reorders)?;
        write_flag(out, "lz-top-down-only", self.quirks.lz_top_down_only)?;
        write_flag(out, "jpeg-alpha-opaque", self.quirks.jpeg_alpha_opaque)?;
        write_flag(out, "composite-sticks", self.quirks.composite_sticks)?;
        for kind in &OpKind::ALL[1..] {
            let op = self.op(*kind);
            let more = match kind {
                OpKind::Rop3 => self.rop3 != Rop3Set::default(),
                OpKind::Composite => !self.operators.is_empty(),
                _ => false,
            };
            if *op == Default::default() && !more {
                continue;
            }
            writeln!(out, "\n[ops.{}]", kind.name())?;
            if let Some((word, _)) = DRAWN.iter().find(|(_, d)| *d == op.drawn && *d != Drawn::Yes) {
                writeln!(out, "drawn = \"{word}\"")?;
            }
            write_set(out, "features", op.features, Feature::of_op(*kind))?;
            write_set(out, "rops", op.rops, Set::<Rop2>::all())?;
            match kind {
                OpKind::Rop3 if self.rop3 == Rop3Set::ALL => writeln!(out, "codes = \"all\"")?,
                OpKind::Rop3 if self.rop3 == Rop3Set::ternary() => writeln!(out, "codes = \"ternary\"")?,
                OpKind::Rop3 => {
                    let codes: Vec<_> = self.rop3.iter().map(|c| format!("{c:#04x}")).collect();
                    writeln!(out, "codes = [{}]", codes.join(", "))?;
                }
                OpKind::Composite => write_set(out, "operators", self.operators, Operator::defined())?,
                _ => {}
            }
            write_set(out, "ignores", op.ignores, Feature::of_op(*kind))?;
            write_flag(out, "rop-as-put", op.rop_as_put)?;
        }
        Ok(())
    }
}

fn write_flag(out: &mut String, key: &str, flag: bool) -> fmt::Result {
    if flag { writeln!(out, "{key} = true") } else { Ok(()) }
}

/// Lists of more than this many bytes are broken, a few names a line.
const LINE: usize = 100;

fn write_set<T: Member>(out: &mut String, key: &str, set: Set<T>, all: Set<T>) -> fmt::Result {
    if set.is_empty() {
        return Ok(());
    }
    if set == all {
        return writeln!(out, "{key} = \"all\"");
    }
    let names: Vec<_> = set.iter().map(|m| format!("\"{}\"", m.name())).collect();
    let one_line = names.join(", ");
    if key.len() + one_line.len() <= LINE {
        return writeln!(out, "{key} = [{one_line}]");
    }
    write!(out, "{key} = [")?;
    let mut at = LINE;
    for name in names {
        if at + name.len() > LINE {
            write!(out, "\n    ")?;
            at = 4;
        } else {
            write!(out, " ")?;
        }
        write!(out, "{name},")?;
        at += name.len() + 2;
    }
    writeln!(out, "\n]")
}
