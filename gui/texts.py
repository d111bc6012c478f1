"""Every text of the window, in English and Chinese.

Messages of other packages, such as the reason why a file cannot be opened, are in English.
"""

from __future__ import annotations

import locale
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tkinter as tk

LANGUAGES = ("en", "zh")
TK_LOCALES = {"en": "en", "zh": "zh_cn"}

TEXTS: dict[str, tuple[str, str]] = {
    # titles
    "name": ("Handwritten digits", "手写数字"),
    "keys_title": ("Keys - Handwritten digits", "按键 - 手写数字"),
    "learned_title": ("Learned from you - Handwritten digits", "从你这里学到的 - 手写数字"),
    "open_title": ("Open a picture", "打开图片"),
    "save_title": ("Save the drawing", "保存手写内容"),
    "pictures": ("Pictures", "图片"),
    "all_files": ("All files", "所有文件"),
    # toolbar
    "tip": ("{what} ({key})", "{what}（{key}）"),
    "pen": ("Pen", "画笔"),
    "eraser": ("Eraser; also the right button", "橡皮；也可用鼠标右键"),
    "brush": ("Width of the pen", "笔的粗细"),
    "undo": ("Undo", "撤销"),
    "redo": ("Redo", "重做"),
    "clear": ("A blank sheet", "空白页"),
    "open": ("Open a picture", "打开图片"),
    "paste": ("Paste a picture, a file or strokes", "粘贴图片、文件或笔画"),
    "save": ("Save the drawing as PNG", "将手写内容存为 PNG"),
    "more": ("Samples and switches", "示例与开关"),
    "keys": ("All keys", "所有按键"),
    "sample_digit": ("Draw a sample digit", "画一个示例数字"),
    "sample_photo": ("Open a sample photo", "打开示例照片"),
    "ink_follows_speed": ("Fast strokes are thinner", "画得快，笔画就细"),
    "show_why": ("Show what speaks for the reading", "显示识别的依据"),
    "quit": ("Quit", "退出"),
    # reading
    "single": ("Single", "单个数字"),
    "number": ("Number", "多位数"),
    "mode": ("One digit, or a number", "一个数字，或多位数"),
    "corrected": ("corrected", "已更正"),
    "confirmed": ("confirmed", "已确认"),
    "not_sure": ("not sure", "不确定"),
    "no_digit": ("not a digit?", "不像数字"),
    "or": ("or {other}?", "还是 {other}？"),
    "or_none": ("or no digit?", "或者不是数字？"),
    "title_or": ("{text}, {note}", "{text}，{note}"),
    "correct_hint": (
        "Not {label}? Click or press the right digit.",
        "不是 {label}？点正确的数字，或按它的键。",
    ),
    "unsure_hint": (
        "What is it? Click or press the digit.",
        "这是几？点那个数字，或按对应的数字键。",
    ),
    "number_hint": (
        "Several digits? {key} or a click reads {text}.",
        "是多位数？按 {key} 或点这里，读作 {text}。",
    ),
    "glyph": ("What the network sees", "网络看到的图像"),
    "for": ("What speaks for {label}", "{label} 的依据"),
    "why": ("Why? A click shows what speaks for the reading", "为什么？点击显示识别的依据"),
    "learned": ("Learned from you ({count:,})", "从你这里学到的（{count:,}）"),
    "learned_unused": ("Learned from you ({count:,}), off", "从你这里学到的（{count:,}），已停用"),
    "learned_tip": (
        "What you corrected, to look at, to switch off and to forget",
        "你更正过的：查看、停用、删除",
    ),
    "turned": ("Read as turned by {number} degrees.", "按旋转 {number} 度识别。"),
    "crossed_out": ("Left out, since crossed out: {number}.", "已略去划掉的 {number} 个数字。"),
    # sheet
    "draw_here": ("Draw a digit here", "在这里写一个数字"),
    "write_here": ("Write a number here", "在这里写一个多位数"),
    "loading": ("Loading the network…", "正在加载网络…"),
    "not_loaded": (
        "the reading process ended while it loaded (exit code {code})",
        "识别进程在加载时结束（退出码 {code}）",
    ),
    "restarted": ("the reading process ended and was started again", "识别进程已结束并重新启动"),
    "ready": ("Draw a digit. {key} shows all keys.", "请写一个数字。{key} 显示所有按键。"),
    "restored": (
        "Your last sheet is back; {key} starts afresh, {undo} undoes that.",
        "已恢复上次的内容；{key} 重新开始，{undo} 可撤销。",
    ),
    "kept_by_another": (
        "Another window of this profile is open: what is drawn here is not kept.",
        "同一用户的另一个窗口已打开：这里写的内容不会保留。",
    ),
    "broken_sheet": ("The last sheet is broken, set aside as {path}", "上次的内容已损坏，已另存为 {path}"),
    "unreadable_sheet": (
        "The last sheet cannot be read, and this one is not kept: {path}: {reason}",
        "无法读取上次的内容，这次的也不会保留：{path}：{reason}",
    ),
    # Why a file cannot be opened or saved stands in English, without words before it there.
    "not_opened": ("{reason}", "无法打开：{reason}"),
    "not_saved": ("{reason}", "无法保存：{reason}"),
    "opening": ("Opening the picture…", "正在打开图片…"),
    "opened": (
        "A picture: draw on it, or frame a part with Ctrl and the mouse; the wheel zooms.",
        "已打开图片：可在上面画，或按 Ctrl 用鼠标框出一部分；滚轮缩放。",
    ),
    "first_page": (
        "The first of {pages:,} pages: predict.py reads all of them.",
        "共 {pages:,} 页，这是第一页：predict.py 可读取全部。",
    ),
    "part": ("A part of the picture; {key} brings back all of it.", "图片的一部分；{key} 恢复整张。"),
    "nothing_to_paste": (
        "There is neither a picture nor strokes in the clipboard.",
        "剪贴板里没有图片，也没有笔画。",
    ),
    "too_large": (
        "The picture in the clipboard has more than {limit} MB: open it from a file.",
        "剪贴板里的图片超过 {limit} MB：请从文件打开。",
    ),
    "nothing_to_save": ("Nothing to save yet.", "还没有可保存的内容。"),
    "saved": ("Saved as {path}", "已保存为 {path}"),
    "drawing": ("drawing", "手写"),
    "copied": ("Copied: {text}", "已复制：{text}"),
    "copied_picture": ("Copied the drawing as a picture.", "已将手写内容复制为图片。"),
    "cannot_copy_picture": ("The picture could not be copied.", "未能复制图片。"),
    "no_copy_program": ("Copying a picture needs xclip or wl-copy.", "复制图片需要 xclip 或 wl-copy。"),
    "nothing_to_copy": ("Nothing to copy yet.", "还没有可复制的内容。"),
    # corrections
    "nothing_to_correct": ("Nothing to correct yet: draw a digit first.", "还没有可更正的：请先写一个数字。"),
    "nothing_found": ("Nothing to correct: no digit was found.", "没有可更正的：未找到数字。"),
    "remembered_one": (
        "Learned: your {label}, 1 sample; {undo} takes it back",
        "已学到：你写的 {label}，1 个样本；{undo} 可收回",
    ),
    "remembered": (
        "Learned: your {label}, {count:,} samples; {undo} takes this one back",
        "已学到：你写的 {label}，{count:,} 个样本；{undo} 可收回这一个",
    ),
    "not_in_use": (" (not in use: {key})", "（未启用：{key}）"),
    "taken_back": ("Taken back: a sample of {label}.", "已收回：{label} 的样本。"),
    "with_samples": ("Reading with what you corrected.", "识别时参考你更正过的。"),
    "without_samples": ("Reading without what you corrected.", "识别时不参考你更正过的。"),
    "forgotten_one": ("Forgotten: 1 sample; {key} brings it back.", "已删除 1 个样本；{key} 可恢复。"),
    "forgotten_all": (
        "Forgotten: all {count:,} samples; {key} brings them back.",
        "已删除全部 {count:,} 个样本；{key} 可恢复。",
    ),
    "sample_back": ("Back again: 1 sample.", "已恢复 1 个样本。"),
    "samples_back": ("Back again: {count:,} samples.", "已恢复 {count:,} 个样本。"),
    "broken_one": ("Broken, set aside in {folder}: {name}", "已损坏，已另存到 {folder}：{name}"),
    "broken": (
        "Broken, set aside in {folder}: {name} and {count:,} more",
        "已损坏，已另存到 {folder}：{name} 等，另有 {count:,} 个",
    ),
    "changed": ("Not corrected to {label}: the drawing had changed.", "未更正为 {label}：手写内容已改变。"),
    "use_corrections": ("Use what you corrected", "识别时参考更正过的"),
    "use_samples": ("Readings lean towards them", "识别时参考它们"),
    "samples_one": ("1 sample in {folder}", "{folder} 中有 1 个样本"),
    "samples": ("{count:,} samples in {folder}", "{folder} 中有 {count:,} 个样本"),
    "no_samples": (
        "Nothing yet: click the right digit, or press its key,\nand what was corrected is shown here.",
        "还没有：点正确的数字，或按对应的数字键，\n更正过的会显示在这里。",
    ),
    "loading_samples": ("Loading…", "正在加载…"),
    "forget_hint": (
        "The cross or Delete forgets one, {key} brings it back.",
        "点叉或按 Delete 删除，{key} 可恢复。",
    ),
    "forget_all": ("Forget all", "全部删除"),
    "really_all": ("Really all {count:,}?", "真的删除全部 {count:,} 个？"),
    "close": ("Close", "关闭"),
    # history
    "history_empty": ("What you clear is kept here.", "清除的内容保存在这里。"),
    "again": ("Show it again", "重新显示"),
    "correct_to": ("Correct it to", "更正为"),
    "delete": ("Delete it", "删除"),
    "save_entry": ("Save it as PNG…", "存为 PNG…"),
    # keys
    "key_draw": (
        "Draw; a click makes a dot, or chooses a digit of a number by its box",
        "画；单击画一个点，或选中多位数中框住的数字",
    ),
    "key_erase": ("Erase", "擦除"),
    "key_frame": ("Frame a part of a picture, to read only that", "框出图片的一部分，只读这部分"),
    "key_zoom": ("Zoom a picture", "缩放图片"),
    "key_pan": ("Move a picture", "移动图片"),
    "key_correct": ("Correct the reading: from then on it counts", "更正识别结果：以后会参考它"),
    "key_focus": ("Go to a button, press it", "转到按钮，按下按钮"),
    "left_button": ("Left button", "左键"),
    "right_button": ("Right button, or Shift and left", "右键，或 Shift 加左键"),
    "ctrl_left": ("Ctrl and left button", "Ctrl 加左键"),
    "wheel": ("Wheel, or two fingers", "滚轮，或双指"),
    "space_drag": ("Space and drag", "空格加拖动"),
    "zero_to_nine": ("0 to 9", "0 到 9"),
    "tab_space": ("Tab, Space", "Tab，空格"),
    "key_mode": ("Single digit, or a number", "单个数字，或多位数"),
    "key_why": ("Why: what speaks for the reading", "为什么：识别的依据"),
    "key_memory": ("With or without what you corrected", "参考或不参考你更正过的"),
    "key_learned": ("What was learned from you, to look at and to forget", "从你这里学到的：查看与删除"),
    "key_previous": ("The digit before, in a number", "多位数中的前一个数字"),
    "key_next": ("The digit after it", "后一个数字"),
    "thinner": ("A thinner brush", "细一些"),
    "thicker": ("A thicker brush", "粗一些"),
    "older": ("Back in the history", "历史中的上一张"),
    "newer": ("Forward in the history", "历史中的下一张"),
    "zoom_in": ("Zoom in", "放大"),
    "zoom_out": ("Zoom out", "缩小"),
    "fit": ("Show the whole sheet", "显示整页"),
    "copy": ("Copy the reading", "复制识别结果"),
    "copy_picture": ("Copy the drawing as a picture", "将手写内容复制为图片"),
}

_language = 0  # index of the language in the values of TEXTS


def use(language: str, root: tk.Misc | None = None) -> None:
    """Choose the language: "en", "zh", or "auto" for the system's; with `root` also of Tk's own dialogs."""
    global _language
    chosen = system_language() if language == "auto" else language
    _language = LANGUAGES.index(chosen)
    if root:
        root.tk.call("::msgcat::mclocale", TK_LOCALES[chosen])
        root.tk.eval("::msgcat::mcload [file join $::tk_library msgs]")


def system_language() -> str:
    """Return "zh" if the system is set to Chinese, else "en"."""
    names = (os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    name = next(filter(None, names), None) or locale.getlocale()[0] or ""
    return "zh" if name.lower().startswith(("zh", "chinese")) else "en"


def say(name: str, /, **values: object) -> str:
    """Return a text in the chosen language, with `values` filled in."""
    return TEXTS[name][_language].format(**values)
