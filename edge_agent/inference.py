"""One cause for what is seen together: a dead switch is not a broken codec, a broken line and a broken camera at once. Pure.

An ordered table, from what explains most to what explains least. A cause needs all of its signs, and none that speaks against it; what it
explains is not asked after by later causes. What no cause explains stands for itself, as its own finding already says.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Literal

import msgspec

Signs = frozenset[str]


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table.

    Attributes:
        name: Short, for tests and logs.
        vi, en: What is likely broken, in one sentence.
        advice_vi, advice_en: What to do first.
        all_of: Groups of fault codes; one of each group must be there.
        none_of: Codes that speak against it.
        explains: Codes that follow from it, beside those of `all_of`.
    """

    name: str
    vi: str
    en: str
    advice_vi: str
    advice_en: str
    all_of: tuple[Signs, ...]
    none_of: Signs = frozenset()
    explains: Signs = frozenset()

    def fits(self, codes: Collection[str]) -> bool:
        """Whether these codes show it."""
        return all(not group.isdisjoint(codes) for group in self.all_of) and self.none_of.isdisjoint(codes)

    @property
    def covers(self) -> Signs:
        """Every code that it explains."""
        return self.explains.union(*self.all_of)

    def text(self, language: Literal["vi", "en"] = "vi") -> str:
        """Sentence and advice."""
        return f"{self.vi} → {self.advice_vi}" if language == "vi" else f"{self.en} → {self.advice_en}"


def _signs(*codes: str) -> Signs:
    return frozenset(codes)


_NETWORK = _signs(
    "link.down",
    "link.gateway_unreachable",
    "link.mcu_unreachable",
    "link.center_unreachable",
    "link.loss",
    "link.high_latency",
    "link.high_jitter",
    "link.reordering",
    "link.path_changed",
    "link.off_tslcd",
    "link.standby_untested",
    "agent.outbox_full",
)
_QUALITY = _signs("link.loss", "link.high_latency", "link.high_jitter", "link.reordering", "link.low_throughput")
_CODEC = _signs("codec.unreachable", "codec.sip_down", "codec.h323_down")
_NO_PICTURE = _signs("camera.absent", "camera.no_signal", "camera.black")
_NO_SOUND = _signs("microphone.absent", "microphone.dead")
_GONE = _signs("link.down", "link.gateway_unreachable", "link.mcu_unreachable", "link.center_unreachable")

CAUSES: tuple[Cause, ...] = (
    Cause(
        name="power",
        vi="Nhiều khả năng mất điện tại điểm cầu: máy chạy pin và mạng trong phòng cũng mất",
        en="Probably a power failure at the site: the PC runs on battery and the room's network is gone",
        advice_vi="xem áp-tô-mát và ổ cắm, gọi Điện lực; chưa cần thay thiết bị nào",
        advice_en="check breakers and sockets, call the power company; replace nothing yet",
        all_of=(_signs("cables.on_battery"), _GONE | _signs("cables.carrier_lost", "codec.unreachable")),
        explains=_NETWORK | _CODEC | _NO_PICTURE | _NO_SOUND | _signs("cables.carrier_lost", "cables.hdmi_no_signal", "cables.usb_lost"),
    ),
    Cause(
        name="cable",
        vi="Nhiều khả năng dây mạng của máy giám sát hoặc cổng switch hỏng: mất tín hiệu cáp, nên không nơi nào trả lời",
        en="Probably the site PC's network cable or the switch port: no carrier, so nothing answers",
        advice_vi="cắm chặt lại hai đầu dây, thử dây và cổng khác; bộ kết nối có thể vẫn tốt",
        advice_en="reseat both ends, try another cable and port; the codec may well be fine",
        all_of=(_signs("cables.carrier_lost"), _GONE | _CODEC),
        explains=_NETWORK | _CODEC,
    ),
    Cause(
        name="wrong port",
        vi="Dây TSLCD đã rút hoặc hỏng, lưu lượng đang đi đường khác",
        en="The TSLCD cable is pulled or dead, and traffic takes another way",
        advice_vi="cắm lại dây vào cổng TSLCD",
        advice_en="plug the cable of the TSLCD port again",
        all_of=(_signs("cables.carrier_lost"), _signs("link.off_tslcd")),
        explains=_QUALITY | _signs("link.path_changed"),
    ),
    Cause(
        name="switch",
        vi="Nhiều khả năng switch hoặc router của phòng hỏng: cáp còn tín hiệu, nhưng cả gateway lẫn bộ kết nối đều không trả lời",
        en="Probably the room's switch or router: there is a carrier, but neither gateway nor codec answers",
        advice_vi="tắt, chờ 10 giây rồi bật lại switch và router; xem VLAN của cổng nếu vừa có người sửa mạng",
        advice_en="power-cycle switch and router; check the port's VLAN if somebody has just changed the network",
        all_of=(_signs("link.gateway_unreachable"), _signs("codec.unreachable")),
        none_of=_signs("cables.carrier_lost"),
        explains=_NETWORK | _CODEC,
    ),
    Cause(
        name="router",
        vi="Nhiều khả năng router (gateway) của điểm cầu hỏng: chỉ những gì ở sau nó không trả lời",
        en="Probably the site's router (gateway): only what lies behind it does not answer",
        advice_vi="xem nguồn và đèn của router, khởi động lại",
        advice_en="check the router's power and lamps, restart it",
        all_of=(_signs("link.gateway_unreachable"),),
        none_of=_signs("cables.carrier_lost"),
        explains=_NETWORK,
    ),
    Cause(
        name="system off",
        vi="Nhiều khả năng cả hệ thống hội nghị đang tắt: bộ kết nối, hình và tiếng cùng mất",
        en="Probably the whole conferencing system is off: codec, picture and sound are gone together",
        advice_vi="bật hệ thống theo đúng thứ tự, chờ bộ kết nối khởi động xong rồi bấm «Kiểm tra lại»",
        advice_en="switch the system on in its order, wait for the codec, then press “Check again”",
        all_of=(_signs("codec.unreachable"), _NO_PICTURE | _signs("cables.hdmi_no_signal"), _NO_SOUND),
        explains=_CODEC | _NO_PICTURE | _NO_SOUND | _signs("cables.hdmi_no_signal"),
    ),
    Cause(
        name="codec off",
        vi="Nhiều khả năng bộ kết nối mất nguồn hoặc treo: không trả lời trên mạng và không có hình ra HDMI",
        en="Probably the codec has no power or hangs: silent on the network, and no picture on HDMI",
        advice_vi="xem nguồn bộ kết nối, tắt, chờ 10 giây rồi bật lại",
        advice_en="check the codec's power, power-cycle it",
        all_of=(_signs("codec.unreachable"), _signs("cables.hdmi_no_signal", "camera.no_signal")),
        explains=_CODEC | _signs("cables.hdmi_no_signal", "camera.no_signal"),
    ),
    Cause(
        name="line",
        vi="Nhiều khả năng đường truyền TSLCD đứt ở phía nhà mạng: thiết bị tại chỗ vẫn trả lời",
        en="Probably the TSLCD line, on the provider's side: what is on site still answers",
        advice_vi="gọi nhà cung cấp đường truyền, chuyển sang đường dự phòng nếu có",
        advice_en="call the provider, switch to the standby line if there is one",
        all_of=(_signs("link.down"),),
        explains=_NETWORK,
    ),
    Cause(
        name="duplicate address",
        vi="Trùng địa chỉ IP làm kết nối chập chờn",
        en="A duplicate IP address makes connections come and go",
        advice_vi="rút thiết bị có địa chỉ MAC đã nêu",
        advice_en="unplug the device with the named MAC address",
        all_of=(_signs("link.duplicate_address"), _QUALITY | _GONE | _CODEC),
        explains=_QUALITY | _GONE | _CODEC,
    ),
    Cause(
        name="bad cable",
        vi="Nhiều khả năng dây mạng hoặc cấu hình cổng: cổng chạy chậm hoặc bán song công, nên mất gói",
        en="Probably the network cable or the port's setting: it runs slow or half duplex, and packets are lost",
        advice_vi="thay dây mạng, đặt cổng switch về tự động (auto)",
        advice_en="replace the cable, set the switch port to auto",
        all_of=(_signs("cables.half_duplex", "cables.slow_port"), _QUALITY),
        explains=_QUALITY | _signs("cables.half_duplex", "cables.slow_port"),
    ),
    Cause(
        name="rerouted",
        vi="Nhà mạng đã đổi đường: từ lúc đó chất lượng kém đi",
        en="The provider has changed the path, and since then it is worse",
        advice_vi="gửi câu «Đường đi thay đổi» cho nhà mạng",
        advice_en="send the sentence “Path changed” to the provider",
        all_of=(_signs("link.path_changed"), _QUALITY | _signs("link.mtu_reduced", "link.dscp_changed")),
        explains=_QUALITY | _signs("link.mtu_reduced", "link.dscp_changed"),
    ),
    Cause(
        name="congestion",
        vi="Nhiều khả năng đường truyền bị đầy: vừa chậm vừa mất gói hoặc trễ không ổn định",
        en="Probably the line is full: slow, and losing packets or jittering",
        advice_vi="dừng mọi việc tải lớn trên đường truyền; giảm tốc độ cuộc gọi",
        advice_en="stop large transfers on the line; lower the call's rate",
        all_of=(_signs("link.high_latency", "link.low_throughput"), _signs("link.loss", "link.high_jitter")),
        explains=_QUALITY,
    ),
    Cause(
        name="center",
        vi="Máy chủ giám sát của trung tâm không trả lời; cuộc họp không bị ảnh hưởng",
        en="The center's monitoring server does not answer; the meeting is not affected",
        advice_vi="không cần làm gì tại điểm cầu",
        advice_en="nothing to do at the site",
        all_of=(_signs("link.center_unreachable"),),
        none_of=_signs("link.mcu_unreachable"),
        explains=_signs("agent.outbox_full"),
    ),
    Cause(
        name="usb hub",
        vi="Nhiều khả năng bộ chia USB hoặc cổng USB của máy: camera và micro mất cùng lúc",
        en="Probably a USB hub or the PC's port: camera and microphone went together",
        advice_vi="cắm camera và micro thẳng vào máy; xem nguồn của bộ chia USB",
        advice_en="plug camera and microphone straight into the PC; check the hub's power",
        all_of=(_signs("camera.absent"), _signs("microphone.absent")),
        explains=_signs("cables.usb_lost"),
    ),
    Cause(
        name="usb cable of the camera",
        vi="Nhiều khả năng dây USB của camera",
        en="Probably the camera's USB cable",
        advice_vi="cắm chặt lại, thử cổng và dây khác",
        advice_en="reseat it, try another port and cable",
        all_of=(_signs("cables.usb_lost"), _signs("camera.absent")),
    ),
    Cause(
        name="usb cable of the microphone",
        vi="Nhiều khả năng dây USB của micro",
        en="Probably the microphone's USB cable",
        advice_vi="cắm chặt lại, thử cổng và dây khác",
        advice_en="reseat it, try another port and cable",
        all_of=(_signs("cables.usb_lost"), _signs("microphone.absent")),
    ),
    Cause(
        name="hdmi",
        vi="Nhiều khả năng dây HDMI hoặc bộ chia HDMI: cổng không thấy thiết bị và không có hình",
        en="Probably the HDMI cable or splitter: the connector sees nothing, and there is no picture",
        advice_vi="cắm chặt lại hai đầu dây HDMI, thay dây",
        advice_en="reseat both ends of the HDMI cable, replace it",
        all_of=(_signs("cables.hdmi_no_signal"), _NO_PICTURE - _signs("camera.absent")),
    ),
    Cause(
        name="in use",
        vi="Hệ thống họp đang dùng camera và micro; máy giám sát nhường",
        en="The conferencing system uses camera and microphone; the site PC steps aside",
        advice_vi="không cần làm gì; kiểm tra lại khi hệ thống nhả thiết bị",
        advice_en="nothing to do; check again when it releases them",
        all_of=(_signs("camera.busy"), _signs("microphone.busy")),
    ),
    Cause(
        name="pc overloaded",
        vi="Nhiều khả năng máy giám sát quá tải: bộ dò chậm và hình bị mất khung",
        en="Probably the site PC is overloaded: probes are late and frames are lost",
        advice_vi="đóng các chương trình khác, xem quạt và nhiệt độ",
        advice_en="close other programs, check fan and temperature",
        all_of=(
            _signs("host.cpu", "host.memory", "host.temperature"),
            _signs("agent.probe_timeout", "camera.low_frame_rate", "camera.dropped_frames", "microphone.dropouts"),
        ),
        explains=_signs("host.cpu", "host.memory", "host.temperature"),
    ),
    Cause(
        name="pc hot",
        vi="Máy giám sát nóng nên chạy chậm",
        en="The site PC is hot and therefore slow",
        advice_vi="lau bụi, xem quạt, đặt máy chỗ thoáng",
        advice_en="clean it, check the fan, give it air",
        all_of=(_signs("host.temperature"), _signs("host.cpu")),
    ),
    Cause(
        name="disk",
        vi="Ổ đĩa của máy giám sát đầy hoặc hỏng nên không ghi được",
        en="The site PC's disk is full or broken and cannot be written",
        advice_vi="giải phóng dung lượng; còn lỗi thì thay ổ đĩa",
        advice_en="free space; if it persists, replace the disk",
        all_of=(_signs("host.disk"), _signs("agent.disk_unwritable", "agent.outbox_full")),
    ),
    Cause(
        name="dark room",
        vi="Phòng thiếu sáng: hình tối, nhiễu hạt, ít khung hình",
        en="The room is too dark: picture dark, grainy, few frames",
        advice_vi="bật thêm đèn, mở rèm; chưa cần chỉnh camera",
        advice_en="more light; leave the camera alone for now",
        all_of=(_signs("camera.noisy"), _signs("camera.underexposed", "camera.low_frame_rate")),
        none_of=_signs("camera.overexposed", "camera.backlit", "host.cpu"),
        explains=_signs("camera.underexposed", "camera.noisy", "camera.low_frame_rate"),
    ),
    Cause(
        name="gain too high",
        vi="Độ nhạy micro đặt quá cao: tiếng vỡ hoặc to quá, và phòng gần ngưỡng hú",
        en="The microphone's gain is too high: sound clips or is too loud, and the room is near howling",
        advice_vi="giảm độ nhạy (gain) ngõ vào từng 3 dB",
        advice_en="lower the input gain by 3 dB at a time",
        all_of=(_signs("microphone.clipping", "microphone.high_level"), _signs("microphone.howling", "microphone.low_margin")),
        explains=_signs("microphone.clipping", "microphone.high_level", "microphone.howling", "microphone.low_margin"),
    ),
    Cause(
        name="ground",
        vi="Nhiều khả năng dây tín hiệu hoặc nối đất của âm thanh: ù nguồn và nhiễu cùng lúc",
        en="Probably the audio cable or its ground: hum and noise together",
        advice_vi="kiểm tra dây tín hiệu, nối đất chung, dùng hộp cách ly (DI)",
        advice_en="check the audio cable and the common ground, use an isolator (DI)",
        all_of=(_signs("microphone.hum"), _signs("microphone.noisy", "microphone.dc_offset")),
    ),
)


def causes_of(codes: Iterable[str]) -> tuple[Cause, ...]:
    """The causes of fault codes that stand at one time, those that explain most first; none where each stands for itself."""
    left, found = set(codes), []
    for cause in CAUSES:
        if cause.fits(left):
            found.append(cause)
            left -= cause.covers
    return tuple(found)
