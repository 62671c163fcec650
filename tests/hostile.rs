//! A bounded run of the fuzz targets `link_handshake` and `client_messages`: good conversations, damaged.
//! `SPICE_RENDER_SEED` replays a failing one.

#[path = "../fuzz/session_oracle.rs"]
#[allow(unreachable_pub)]
mod oracle;

use spice_render::link::ServerKey;
use spice_render::qxl::testing::Rng;
use spice_render::wire::link::{ChannelType, LinkMessage, LinkReply, LinkStatus};
use spice_render::wire::{
    ClientMessage, DisplayInit, Framing, ImageCompression, MainClientMessage, VideoCodec,
};

/// What a client says on a link, what a server answers, and what clients say on two channels with both headers.
fn conversations() -> Vec<(u8, Vec<u8>)> {
    let mut client = Vec::new();
    let message = LinkMessage {
        minor: 2,
        connection_id: 0,
        channel_type: ChannelType::DISPLAY,
        channel_id: 0,
        common_caps: vec![11],
        channel_caps: vec![9, 7],
    };
    message.encode(&mut client);
    client.extend(1u32.to_le_bytes());
    client.extend([0x55; 128]);
    let mut server = Vec::new();
    let public_key = *ServerKey::generate().unwrap().public_der();
    let (common_caps, channel_caps) = (vec![11], vec![64]);
    LinkReply { status: LinkStatus::OK, public_key, common_caps, channel_caps }.encode(&mut server);
    server.extend([0; 4]);
    let mut all = vec![(0, client.clone()), (0x40, client), (0x80, server)];
    let messages = [
        ClientMessage::Init(DisplayInit {
            pixmap_cache_id: 1,
            pixmap_cache_size: 20 << 20,
            glz_dictionary_id: 1,
            glz_dictionary_window_size: 16 << 20,
        }),
        ClientMessage::AckSync { generation: 1 },
        ClientMessage::Ack,
        ClientMessage::Pong { id: 1, timestamp: 2 },
        ClientMessage::PreferredCompression(ImageCompression::Quic),
        ClientMessage::PreferredVideoCodecs(vec![VideoCodec(1), VideoCodec(3)]),
        ClientMessage::MigrateData(vec![1, 2, 3].into()),
    ];
    for (flag, framing) in [(0x40, Framing::Mini), (0, Framing::Full { serial: 7 })] {
        let mut said = Vec::new();
        messages.iter().for_each(|m| m.encode(framing, &mut said).unwrap());
        all.push((flag, said));
        let mut said = Vec::new();
        for m in [MainClientMessage::AttachChannels, MainClientMessage::MouseModeRequest { mode: 2 }] {
            m.encode(framing, &mut said).unwrap();
        }
        all.push((flag | 0x80, said));
    }
    all
}

/// Flips, cuts, copies and puts in; sizes and counts get the values that hurt.
fn damage(bytes: &mut Vec<u8>, rng: &mut Rng) {
    for _ in 0..rng.range(1, 5) {
        let at = rng.range(0, bytes.len().max(1) as i32) as usize;
        match rng.range(0, 6) {
            0 => bytes.truncate(at),
            1 => bytes.extend_from_within(at.min(bytes.len())..),
            2 => bytes.insert(at.min(bytes.len()), 0xff),
            3 => bytes.iter_mut().skip(at).take(4).for_each(|b| *b = 0xff),
            4 => bytes.iter_mut().skip(at).take(4).for_each(|b| *b = 0),
            _ => bytes.iter_mut().skip(at).take(1).for_each(|b| *b ^= 1 << (at % 8)),
        }
    }
}

#[test]
fn no_bytes_on_a_connection_do_harm() {
    let seed = std::env::var("SPICE_RENDER_SEED").ok().and_then(|s| s.parse::<u64>().ok());
    let conversations = conversations();
    for seed in seed.map_or(0..3000, |s| s..s + 1) {
        let mut rng = Rng::seeded(seed);
        for (n, (how, said)) in conversations.iter().enumerate() {
            let mut bytes = said.clone();
            if seed > 0 {
                damage(&mut bytes, &mut rng);
            }
            bytes.insert(0, how | rng.range(0, 63) as u8);
            let target = if n < 3 { oracle::link } else { oracle::client_messages };
            if std::panic::catch_unwind(|| target(&bytes)).is_err() {
                panic!("conversation {n}: replay with SPICE_RENDER_SEED={seed}");
            }
        }
    }
}
