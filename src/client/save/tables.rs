//! What commands share, told once each: surfaces, pictures, copies of surfaces, and how off-screen surfaces were made.
//!
//! Everything bears the number of its place. Steps name steps before them only.

use super::fields::{In, Out};
use super::{RestoreError, Result};
use crate::client::encode::content_hash;
use crate::client::recipe::{Recipe, Recipes};
use crate::draw::task::Resolve;
use crate::draw::{Limits, Lookup, Picture, Refusal, Source, SurfaceInfo, SurfaceKey, Task};
use crate::qxl::{
    Bitmap, BitmapFormat, Clip, Image, ImageData, Palette, SurfaceId, surface_format_from_number,
    surface_format_number,
};
use bytes::Bytes;
use spice_raster::Surface;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// The number of nothing.
const NONE: u32 = u32::MAX;
/// What stands for an image.
const PICTURE: u8 = 0;
const SURFACE: u8 = 1;
const NEVER: u8 = 2;

const SURFACES: &str = "surfaces";
const PICTURES: &str = "pictures";
const COPIES: &str = "copies of surfaces";
const STEPS: &str = "steps";

fn bad(field: &'static str) -> RestoreError {
    RestoreError::Field { field }
}

/// Numbers things in the order in which they are met.
#[derive(Debug)]
struct Numbered<K, T> {
    numbers: BTreeMap<K, u32>,
    things: Vec<T>,
}

impl<K, T> Default for Numbered<K, T> {
    fn default() -> Self {
        Self { numbers: BTreeMap::new(), things: Vec::new() }
    }
}

impl<K: Ord, T> Numbered<K, T> {
    fn of(&mut self, key: K, thing: T) -> u32 {
        let things = &mut self.things;
        *self.numbers.entry(key).or_insert_with(|| {
            things.push(thing);
            things.len() as u32 - 1
        })
    }
}

/// What is being saved. Commands go to fields of their own meanwhile, which follow these.
#[derive(Debug, Default)]
pub(super) struct Tables<'a> {
    surfaces: Numbered<SurfaceKey, SurfaceInfo>,
    pictures: Numbered<usize, &'a Picture>,
    copies: Numbered<usize, &'a Surface>,
    steps: Numbered<usize, Out>,
}

impl<'a> Tables<'a> {
    pub(super) fn surface(&mut self, info: &SurfaceInfo) -> u32 {
        self.surfaces.of(info.key, *info)
    }

    pub(super) fn copy(&mut self, copy: Option<&'a Arc<Surface>>) -> u32 {
        copy.map_or(NONE, |copy| self.copies.of(Arc::as_ptr(copy).addr(), copy))
    }

    pub(super) fn recipe(&mut self, recipe: Option<&'a Recipe>) -> u32 {
        let Some(step) = recipe else { return NONE };
        let address = Arc::as_ptr(step).addr();
        if let Some(number) = self.steps.numbers.get(&address) {
            return *number;
        }
        // What it needs comes first; recipes are bounded in depth.
        let mut out = Out::default();
        let [src, mask] = &step.sources;
        let needs = [&step.before, src, mask].map(|needed| self.recipe(needed.as_ref()));
        needs.into_iter().for_each(|number| out.u32(number));
        self.task(&mut out, &step.task);
        self.steps.of(address, out)
    }

    pub(super) fn task(&mut self, out: &mut Out, task: &'a Task) {
        let target = self.surface(&task.target);
        out.u32(target);
        let (images, sources) = (task.drawable.op.images(), task.sources());
        out.drawable(&task.drawable, &mut |out, image: &Image| {
            out.u32(image.width);
            out.u32(image.height);
            let at = images.iter().position(|i| i.is_some_and(|i| std::ptr::eq(i, image)));
            match (at.map(|at| sources[at]), &image.data) {
                (Some(Source::Picture(picture)), _) => {
                    out.u8(PICTURE);
                    out.u32(self.pictures.of(Arc::as_ptr(picture).addr(), picture));
                }
                (Some(Source::Surface(info)), ImageData::Surface(id)) => {
                    out.u8(SURFACE);
                    out.u32(*id);
                    let number = self.surface(info);
                    out.u32(number);
                }
                (_, data) => {
                    out.u8(NEVER);
                    out.u32(if let ImageData::Surface(id) = data { *id } else { SurfaceId::MAX });
                }
            }
        });
    }

    /// The fields; `ids` are the guest's ids for the surfaces that live.
    pub(super) fn write(&self, out: &mut Out, ids: &BTreeMap<SurfaceKey, SurfaceId>) {
        out.list(&self.surfaces.things, |out, info: &SurfaceInfo| {
            out.u64(info.key.0);
            out.maybe(ids.get(&info.key), |out, id| out.u32(*id));
            out.u32(surface_format_number(info.format));
            out.u32(info.width);
            out.u32(info.height);
        });
        out.list(&self.pictures.things, |out, picture: &&Picture| out.picture(picture));
        out.list(&self.copies.things, |out, copy: &&Surface| {
            out.u32(surface_format_number(copy.format()));
            out.u32(copy.width());
            out.u32(copy.height());
            out.rows(copy.view());
        });
        out.list(&self.steps.things, |out, step: &Out| out.0.extend_from_slice(&step.0));
    }
}

impl Out {
    fn picture(&mut self, picture: &Picture) {
        self.u8(picture.flags());
        self.u32(picture.width());
        self.u32(picture.height());
        match picture.data() {
            ImageData::Bitmap(bitmap) => {
                self.u8(bitmap.format as u8);
                self.u8(bitmap.flags);
                self.u32(bitmap.stride);
                self.maybe(bitmap.palette, |out, palette| {
                    out.u64(palette.unique);
                    out.list(&palette.entries, |out, colour: &u32| out.u32(*colour));
                });
                // Bytes left in a recording that cannot be read any more are none: who needs them does without.
                self.bytes(&bitmap.data.bytes().unwrap_or_default());
            }
            ImageData::Quic(data) => {
                self.u8(0);
                self.bytes(&data);
            }
            ImageData::Surface(_) => unreachable!("a picture has pixels of its own"),
        }
    }
}

impl In<'_> {
    fn picture(&mut self) -> Result<Image> {
        let flags = self.u8(PICTURES)?;
        let (width, height) = (self.u32(PICTURES)?, self.u32(PICTURES)?);
        let data = match self.u8(PICTURES)? {
            0 => ImageData::Quic(Bytes::copy_from_slice(self.bytes(PICTURES)?)),
            number => ImageData::Bitmap(Bitmap {
                format: BitmapFormat::from_number(number.into()).ok_or(bad(PICTURES))?,
                flags: self.u8(PICTURES)?,
                width,
                height,
                stride: self.u32(PICTURES)?,
                palette: self.maybe(PICTURES, |from| {
                    let unique = from.u64(PICTURES)?;
                    let entries = from.list(4, PICTURES, |from| from.u32(PICTURES))?;
                    Ok(Arc::new(Palette { unique, entries }))
                })?,
                data: Bytes::copy_from_slice(self.bytes(PICTURES)?).into(),
                chunks: Vec::new(),
            }),
        };
        Ok(Image { id: 0, flags, width, height, data })
    }
}

/// What was saved, as the engine that goes on has it.
#[derive(Debug)]
pub(super) struct Known<'a> {
    pub(super) surfaces: Vec<SurfaceInfo>,
    /// `None` where a picture is not one within the limits here.
    pictures: Vec<Option<(Image, Arc<Picture>)>>,
    copies: Vec<Arc<Surface>>,
    /// `None` where a step cannot be taken here.
    steps: Vec<Option<Recipe>>,
    limits: &'a Limits,
}

/// The key of a surface that has ended, or that nobody has here: none of the engine's own.
fn dead(key: u64, format: u32, width: u32, height: u32) -> SurfaceKey {
    let size = u64::from(width) << 32 | u64::from(height);
    SurfaceKey(content_hash([key, size], &format.to_le_bytes()).0 as u64 | 1 << 63)
}

impl<'a> Known<'a> {
    /// `live` are the guest's surfaces, `recipes` what is known here of how they were made.
    pub(super) fn read(
        from: &mut In<'_>,
        live: &BTreeMap<SurfaceId, SurfaceInfo>,
        recipes: &Recipes,
        limits: &'a Limits,
    ) -> Result<Self> {
        let surfaces = from.list(21, SURFACES, |from| {
            let key = from.u64(SURFACES)?;
            let id = from.maybe(SURFACES, |from| from.u32(SURFACES))?;
            let (number, width, height) = (from.u32(SURFACES)?, from.u32(SURFACES)?, from.u32(SURFACES)?);
            let format = surface_format_from_number(number).ok_or(bad(SURFACES))?;
            if width.max(height) > i32::MAX as u32 {
                return Err(bad(SURFACES));
            }
            let here = id.and_then(|id| live.get(&id)).copied();
            let same = here.filter(|i| (i.format, i.width, i.height) == (format, width, height));
            let ended = SurfaceInfo { key: dead(key, number, width, height), format, width, height };
            Ok(same.unwrap_or(ended))
        })?;
        let mut keys = BTreeSet::new();
        if !surfaces.iter().all(|info| keys.insert(info.key)) {
            return Err(bad(SURFACES));
        }
        let pictures = from.list(18, PICTURES, |from| {
            let image = from.picture()?;
            // As of a mask: a palette that is missing shows where it is needed.
            let picture = Picture::new(&image, true, limits).ok().flatten();
            Ok(picture.map(|picture| (image, Arc::new(picture))))
        })?;
        let copies = from.list(12, COPIES, |from| {
            let format = surface_format_from_number(from.u32(COPIES)?).ok_or(bad(COPIES))?;
            let (width, height) = (from.u32(COPIES)?, from.u32(COPIES)?);
            from.rows((format, width, height), COPIES).map(Arc::new)
        })?;
        let mut known = Self { surfaces, pictures, copies, steps: Vec::new(), limits };
        let count = from.count(16, STEPS)?;
        let mut same = Hashes::default();
        if count > 0 {
            recipes.all().into_iter().for_each(|step| same.add(step));
        }
        for _ in 0..count {
            let step = known.step(from, recipes, &mut same)?;
            known.steps.push(step);
        }
        Ok(known)
    }

    fn step(&self, from: &mut In<'_>, recipes: &Recipes, same: &mut Hashes) -> Result<Option<Recipe>> {
        let numbers = [from.u32(STEPS)?, from.u32(STEPS)?, from.u32(STEPS)?];
        let task = self.task(from)?;
        let mut needs = [None, None, None];
        for (needed, number) in needs.iter_mut().zip(numbers).filter(|(_, number)| *number != NONE) {
            match self.steps.get(number as usize).ok_or(bad(STEPS))? {
                Some(step) => *needed = Some(step.clone()),
                None => return Ok(None),
            }
        }
        let Some(task) = task else { return Ok(None) };
        let [before, src, mask] = needs;
        if before.as_ref().is_some_and(|before| before.task.target != task.target) {
            return Err(bad(STEPS));
        }
        for (source, recipe) in [(&task.src, &src), (task.mask(), &mask)] {
            let drawn = recipe.as_ref().map(|recipe| recipe.task.target);
            if drawn.is_some_and(|drawn| !matches!(source, Source::Surface(info) if *info == drawn)) {
                return Err(bad(STEPS));
            }
        }
        let Some(step) = recipes.restored(&task, before, [src, mask], self.limits) else { return Ok(None) };
        Ok(Some(same.one(step)))
    }

    pub(super) fn surface(&self, number: u32) -> Result<SurfaceInfo> {
        self.surfaces.get(number as usize).copied().ok_or(bad(SURFACES))
    }

    /// A copy of this surface.
    pub(super) fn copy(&self, number: u32, of: Option<SurfaceInfo>) -> Result<Option<Arc<Surface>>> {
        if number == NONE {
            return Ok(None);
        }
        let copy = self.copies.get(number as usize).ok_or(bad(COPIES))?;
        let same = |of: SurfaceInfo| {
            (of.format, of.width, of.height) == (copy.format(), copy.width(), copy.height())
        };
        if of.is_some_and(same) { Ok(Some(copy.clone())) } else { Err(bad(COPIES)) }
    }

    /// How this surface was made, if that is known here too.
    pub(super) fn recipe(&self, number: u32, of: Option<SurfaceInfo>) -> Result<Option<Recipe>> {
        if number == NONE {
            return Ok(None);
        }
        let Some(step) = self.steps.get(number as usize).ok_or(bad(STEPS))? else { return Ok(None) };
        if of == Some(step.task.target) { Ok(Some(step.clone())) } else { Err(bad(STEPS)) }
    }

    /// A command, judged as one of the guest's is; `None` if it is refused here.
    pub(super) fn task(&self, from: &mut In<'_>) -> Result<Option<Task>> {
        let target = self.surface(from.u32("command")?)?;
        let mut ids = Vec::new();
        let mut refused = false;
        let drawable = from.drawable(&mut |from| {
            let (width, height) = (from.u32(PICTURES)?, from.u32(PICTURES)?);
            let (flags, data) = match from.u8(PICTURES)? {
                PICTURE => {
                    let number = from.u32(PICTURES)?;
                    match self.pictures.get(number as usize).ok_or(bad(PICTURES))? {
                        Some((image, _)) => {
                            // Its number is what it is found by from here on.
                            return Ok(Image { id: number.into(), width, height, ..image.clone() });
                        }
                        None => refused = true,
                    }
                    (0, ImageData::Quic(Bytes::new()))
                }
                SURFACE => {
                    let id = from.u32(SURFACES)?;
                    ids.push((id, self.surface(from.u32(SURFACES)?)?));
                    (0, ImageData::Surface(id))
                }
                NEVER => (0, ImageData::Surface(from.u32(SURFACES)?)),
                _ => return Err(bad(PICTURES)),
            };
            Ok(Image { id: 0, flags, width, height, data })
        })?;
        if refused {
            return Ok(None);
        }
        ids.push((drawable.surface_id, target));
        // One id, one surface.
        if ids.iter().any(|(id, info)| ids.iter().any(|(other, i)| other == id && i != info)) {
            return Err(bad(SURFACES));
        }
        // Rectangles that cross can make many more; those of a guest seldom do.
        let most = match &drawable.clip {
            Clip::None => 1,
            Clip::Rects(rects) => 4 * rects.len() + 16,
        };
        let mut settled = Settled { ids: &ids, known: self };
        let task = Task::new(&Arc::new(drawable), &mut settled).ok().flatten();
        Ok(task.filter(|task| task.clip.rects().len() <= most))
    }
}

/// What the images of one command mean.
struct Settled<'a> {
    ids: &'a [(SurfaceId, SurfaceInfo)],
    known: &'a Known<'a>,
}

impl Resolve for Settled<'_> {
    fn lookup(&mut self, id: SurfaceId) -> Lookup {
        let known = self.ids.iter().find(|(known, _)| *known == id);
        known.map_or(Lookup::Never, |(_, info)| Lookup::Live(*info))
    }

    fn picture(&mut self, image: &Image, _mask: bool) -> std::result::Result<Arc<Picture>, Refusal> {
        let picture =
            usize::try_from(image.id).ok().and_then(|number| self.known.pictures.get(number)?.as_ref());
        picture.map(|(_, picture)| picture.clone()).ok_or(Refusal::NoSource)
    }

    fn limits(&self) -> &Limits {
        self.known.limits
    }
}

/// Steps by what they are, so that those of several clients of one guest are the same ones again.
#[derive(Debug, Default)]
struct Hashes {
    hashes: HashMap<usize, u128>,
    steps: HashMap<u128, Recipe>,
}

impl Hashes {
    fn add(&mut self, step: &Recipe) {
        let hash = self.hash(step);
        self.steps.entry(hash).or_insert_with(|| step.clone());
    }

    /// The first of all steps that are the same.
    fn one(&mut self, step: Recipe) -> Recipe {
        let hash = self.hash_anew(&step);
        let one = self.steps.entry(hash).or_insert_with(|| step.clone()).clone();
        // Hashes meet where somebody wants them to.
        if one.task.target != step.task.target {
            return step;
        }
        self.hashes.insert(Arc::as_ptr(&one).addr(), hash);
        one
    }

    /// Of a step that lives as long as this, so that its address stays its own.
    fn hash(&mut self, step: &Recipe) -> u128 {
        let address = Arc::as_ptr(step).addr();
        if let Some(hash) = self.hashes.get(&address) {
            return *hash;
        }
        let hash = self.hash_anew(step);
        self.hashes.insert(address, hash);
        hash
    }

    fn hash_anew(&mut self, step: &Recipe) -> u128 {
        let mut out = Out::default();
        let task = &step.task;
        out.u64(task.target.key.0);
        let (images, sources) = (task.drawable.op.images(), task.sources());
        out.drawable(&task.drawable, &mut |out, image: &Image| {
            let at = images.iter().position(|i| i.is_some_and(|i| std::ptr::eq(i, image)));
            match at.map(|at| sources[at]) {
                Some(Source::Picture(picture)) => out.picture(picture),
                Some(Source::Surface(info)) => out.u64(info.key.0),
                _ => {}
            }
        });
        for needed in [&step.before, &step.sources[0], &step.sources[1]] {
            let needed = needed.as_ref().map(|step| self.hash(step));
            out.maybe(needed, Out::u128);
        }
        content_hash([0, 0], &out.0).0
    }
}
