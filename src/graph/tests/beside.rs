//! Streams whose looks are planned, and drawn while what follows is taken in.

use super::stream::Step;
use super::{agree, difference, play_step, shown};
use crate::draw::Renderer;
use crate::graph::{Ahead, Graph, NotTaken};
use crate::qxl::testing::drawn_on;
use crate::qxl::{Brush, Command, Event, Op, QMask, Rect, Ropd, SurfaceCmd, SurfaceId};
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

/// What only culls while a frame is drawn leaves surfaces alone that are away with it: a new one's memory, of another that
/// is gone, still has to be cleared where nothing was drawn.
#[test]
fn what_was_in_the_memory_before_is_never_seen() {
    let column = |surface_id, x, colour| {
        let fill = Op::Fill { brush: Brush::Solid(colour), rop: Ropd::PUT, mask: QMask::default() };
        drawn_on(surface_id, Rect::new(x, 0, x + 1, 64), fill)
    };
    let mut graph = super::two_surfaces();
    graph.index_from = 0;
    super::make(&mut graph, 2);
    (0..64).for_each(|x| graph.event(&column(2, x, 0xff00ff)).unwrap());
    graph.render_all(2);
    graph.event(&Event::Command(Command::Surface(SurfaceCmd::Destroy { surface_id: 2, flags: 0 }))).unwrap();
    super::make(&mut graph, 3);
    graph.event(&column(3, 5, 1)).unwrap();
    graph.render(3, &Region::from_rect(Rect::new(5, 0, 6, 2)));
    graph.event(&column(0, 0, 2)).unwrap();
    assert!(graph.plan(0, &Region::from_rect(Rect::new(0, 0, 64, 64))));
    let before = graph.stats().passes;
    let seen = graph.render_beside(
        |screen| screen.view().pixel(0, 9),
        |ahead| (0..200).for_each(|i| ahead.event(&column(3, i % 20, 3)).unwrap()),
    );
    assert_eq!((seen, graph.stats().passes > before), (Some(Some(2)), true));
    let new = graph.render_all(3).unwrap();
    assert_eq!([19, 20, 63].map(|x| new.view().pixel(x, 63)), [Some(3), Some(0), Some(0)]);
}
