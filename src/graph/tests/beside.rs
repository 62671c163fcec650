//! Streams whose looks are planned, and drawn while what follows is taken in.

use super::stream::Step;
use super::{agree, difference, play_step, shown};
use crate::draw::Renderer;
use crate::graph::{Ahead, Graph, NotTaken};
use crate::qxl::SurfaceId;
use spice_raster::{Region, Surface};

/// A look that is planned, and what it must show.
struct Planned {
    id: SurfaceId,
    region: Region,
    want: Surface,
}

/// Takes steps in up to the next look, which is planned, or up to what cannot be done beside a frame. Gives how many of
/// them that were, and the look.
fn ahead(
    steps: &[Step],
    graph: &mut Ahead<'_>,
    plain: &mut Renderer,
) -> (usize, Result<Option<Planned>, String>) {
    for (index, step) in steps.iter().enumerate() {
        match step {
            Step::Event(event) => {
                let done = match graph.event(event) {
                    Err(NotTaken::Later) => return (index, Ok(None)),
                    Err(NotTaken::Refused(refusal)) => Err(refusal),
                    Ok(()) => Ok(()),
                };
                if let Err(what) = agree(done, plain.event(event)) {
                    return (index, Err(what));
                }
            }
            Step::Look(id, region) => {
                let want = shown(plain, *id).cloned();
                if graph.plan(*id, region) != want.is_some() {
                    return (index, Err(format!("surface {id} is there in one of them only")));
                }
                let Some(want) = want else { continue };
                // Nothing is taken in any more, and nothing else planned.
                assert!(!graph.plan_all(*id));
                let mut region = region.clone();
                region.intersect_rect(want.bounds());
                return (index + 1, Ok(Some(Planned { id: *id, region, want })));
            }
            Step::LookAtAll | Step::Flush => return (index, Ok(None)),
        }
    }
    (steps.len(), Ok(None))
}

/// Plays a stream on both.
pub(super) fn play(steps: &[Step], graph: &mut Graph, plain: &mut Renderer) -> Result<(), String> {
    let (mut at, mut planned) = (0, None::<Planned>);
    while at < steps.len() || planned.is_some() {
        let (mut taken, mut next) = (0, Ok(None));
        let compare = |got: &Surface| planned.as_ref().map(|p| difference(got, &p.want, &p.region));
        let seen = graph.render_beside(compare, |graph| (taken, next) = ahead(&steps[at..], graph, plain));
        match (&planned, seen.flatten()) {
            (None, None) | (Some(_), Some(None)) => {}
            (Some(p), Some(Some(what))) => return Err(format!("step {at}: surface {}: {what}", p.id)),
            (planned, _) => return Err(format!("step {at}: shown, {}", planned.is_some())),
        }
        at += taken;
        planned = next.map_err(|what| format!("step {at}: {what}"))?;
        let Some(step) = steps.get(at) else { continue };
        // What is planned is drawn, in any case, when anything else is asked for.
        if planned.is_none() || at % 3 == 0 {
            planned = None;
            play_step(step, graph, plain).map_err(|what| format!("step {at}: {what}"))?;
            at += 1;
        }
    }
    Ok(())
}
