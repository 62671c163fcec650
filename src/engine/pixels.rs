//! What the guest's surfaces truly show, for those who feed clients.

use crate::client::canvas::CANVAS;
use crate::client::recipe::Recipes;
use crate::client::session::Truth;
use crate::draw::{Limits, Lookup, SurfaceInfo, SurfaceKey, screen_row};
use crate::graph::Graph;
use crate::qxl::SurfaceId;
use spice_raster::{Region, Surface, SurfaceRef};

/// The true pixels, in the format that clients get.
pub(super) struct Pixels<'a> {
    pub(super) graph: &'a mut Graph,
    pub(super) recipes: &'a Recipes,
    pub(super) canvas: &'a mut Option<(SurfaceInfo, Surface)>,
}

impl Truth for Pixels<'_> {
    fn primary(&self) -> Option<SurfaceInfo> {
        primary(self.graph)
    }

    fn render(&mut self, area: &Region) -> Option<SurfaceRef<'_>> {
        let info = primary(self.graph)?;
        let truth = self.graph.render(0, area)?.view();
        if let Some(view) = truth.with_format(CANVAS) {
            return Some(view);
        }
        if self.canvas.as_ref().is_none_or(|(of, _)| of.key != info.key) {
            let canvas = Surface::new(CANVAS, info.width, info.height, u64::MAX).ok()?;
            *self.canvas = Some((info, canvas));
        }
        let (_, canvas) = self.canvas.as_mut()?;
        convert(truth, canvas, area);
        Some(canvas.view())
    }

    fn surface(&mut self, key: SurfaceKey, id: SurfaceId) -> Option<Surface> {
        self.graph.info(id).filter(|info| info.key == key)?;
        self.graph.render_all(id).cloned()
    }

    fn lives(&self, key: SurfaceKey) -> bool {
        self.graph.state().surfaces().iter().any(|(_, info)| info.key == key)
    }

    fn reads(&self, key: SurfaceKey) -> u32 {
        self.recipes.reads(key)
    }

    fn limits(&self) -> Limits {
        self.graph.state().limits().clone()
    }
}

/// What a screen shows of a surface that is not 32 bits deep.
fn convert(from: SurfaceRef<'_>, to: &mut Surface, area: &Region) {
    let mut view = to.view_mut();
    for rect in area.rects() {
        let columns = rect.left as usize..rect.right as usize;
        for y in rect.top as u32..rect.bottom as u32 {
            screen_row(from, y, columns.clone(), &mut view.row(y)[columns.clone()]);
        }
    }
}

/// The primary surface, while there is one.
pub(super) fn primary(graph: &Graph) -> Option<SurfaceInfo> {
    match graph.state().surfaces().lookup(0) {
        Lookup::Live(info) => Some(info),
        _ => None,
    }
}
