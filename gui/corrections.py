"""Corrections: a digit key labels the shown digit, and keeps it as a sample that counts in later readings.

To correct and to delete samples are actions like those of the pen: undo takes them back, in their order.
"""

from common.messages import complain
from gui.keys import key_for
from gui.memory_window import MemoryWindow
from gui.protocol import Forget, ForgetAll, Keep, Kept, ListSamples, Restore, SampleList
from gui.session import Session
from gui.texts import say
from recognition import profiles


class Corrections:
    """Keeps, takes back and shows the corrections of a session.

    Args:
        session: the session; its `on_ready` and `on_reading` are set here.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self._due: tuple[int, int] | None = None  # a label, and the version of the drawing that it is for
        self._newest = ""  # the last of the samples' names
        self._memory_window: MemoryWindow | None = None
        session.on_ready, session.on_reading = self._report_broken_samples, self._correct_due

    def correct(self, label: int) -> None:
        """Keep the digit that is shown in detail as a sample of `label`, once it is read."""
        session = self.session
        session.drawing_canvas.pen_up()
        if session.drawing.blank:
            session.say(say("nothing_to_correct"))
            return
        if session.shown.version != session.drawing.version:
            self._due = label, session.drawing.version  # its reading has not arrived
            return
        shown, digit, place = session.shown, session.shown.digit, session.shown.chosen
        if digit is None:
            session.say(say("nothing_found"))
            return
        # A new name even for a second correction: of samples of the same ink, the one named last counts.
        name = self._newest = profiles.new_sample_name([self._newest])
        before = shown.correct(label, name)
        replaced: dict[str, bytes] = {}  # files of the digit's previous sample

        def kept(answer: Kept) -> None:
            replaced.update(answer.replaced)
            count = answer.count
            said = "remembered_one" if count == 1 else "remembered"
            text = say(said, label=label, count=count, undo=key_for("<<Undo>>"))
            used = session.window.use_memory.get()
            session.say(text + ("" if used else say("not_in_use", key=key_for("<<ToggleMemory>>"))))
            self._refresh()

        def failed(reason: str) -> None:
            del shown.corrected[place]
            if before:
                shown.corrected[place] = before
            session.show(session.shown)
            session.say(say("not_saved", reason=reason))

        def take_back() -> None:
            session.ask(Forget(name), taken_back)

        def taken_back(_: dict[str, bytes]) -> None:
            session.say(say("taken_back", label=label))
            if replaced:
                session.ask(Restore(replaced), lambda _: session.read_again())
            self._refresh()

        box = None if session.window.single.get() else digit.box
        keep = Keep(name, label, digit, session.drawing.page, box, before and before[1])
        session.ask(keep, kept, failed)
        session.drawing.note(take_back, lambda: session.ask(keep, kept))
        session.show(shown)
        session.history.relabel(session.drawing.page, shown.text())

    def read_again(self) -> None:
        """Read again after samples were switched on or off."""
        used = self.session.window.use_memory.get()
        self.session.say(say("with_samples" if used else "without_samples"))
        self.session.read_again()

    def toggle_window(self) -> None:
        """Open or close the window that lists the samples."""
        if self._is_listed():
            self._memory_window.destroy()
        else:
            session = self.session
            self._memory_window = MemoryWindow(
                session.root,
                session.theme,
                session.window.use_memory,
                self.forget,
                self.forget_all,
            )
            self._refresh()

    def forget(self, name: str) -> None:
        """Delete the sample with this name."""
        self._delete(Forget(name))

    def forget_all(self) -> None:
        """Delete all samples."""
        self._delete(ForgetAll())

    def _delete(self, request: Forget | ForgetAll) -> None:
        session = self.session
        files: dict[str, bytes] = {}

        def report(one: str, several: str) -> None:
            count = sum(name.endswith(".jsonl") for name in files)
            session.say(say(one if count == 1 else several, count=count, key=key_for("<<Undo>>")))
            self._refresh()

        def deleted(answer: dict[str, bytes]) -> None:
            files.update(answer)
            report("forgotten_one", "forgotten_all")

        def deleted_first(answer: dict[str, bytes]) -> None:
            if not answer:  # it was deleted before
                return
            deleted(answer)
            restore = Restore(files)
            session.drawing.note(
                lambda: session.ask(restore, lambda _: report("sample_back", "samples_back")),
                lambda: session.ask(request, deleted),
            )
            session.read_again()

        session.ask(request, deleted_first)

    def _is_listed(self) -> bool:
        return bool(self._memory_window and self._memory_window.winfo_exists())

    def _refresh(self) -> None:
        """Update the number of samples, and the window that lists them if it is open."""
        self.session.ask(ListSamples(), self._list, newest=True)

    def _list(self, samples: SampleList) -> None:
        names = (self._newest, *(sample.name for sample in samples.samples))
        self._newest = max(filter(profiles.SAMPLE_NAME.fullmatch, names), default="")
        self.session.window.show_learned(len(samples.samples))
        if self._is_listed():
            self._memory_window.show(samples)

    def _report_broken_samples(self) -> None:
        """List the samples once the network is loaded, and report those that are broken."""

        def report(samples: SampleList) -> None:
            if names := samples.set_aside:
                for name in names:
                    complain(f"broken, set aside: {samples.folder}/{name}")
                text, more = "broken" if len(names) > 1 else "broken_one", len(names) - 1
                self.session.say(say(text, folder=samples.folder, name=names[0], count=more))
            self._list(samples)

        self.session.ask(ListSamples(), report)

    def _correct_due(self) -> None:
        """Make a correction that was asked for before the drawing was read, if it has not changed since."""
        due, self._due = self._due, None
        if due and due[1] == self.session.drawing.version:
            self.correct(due[0])
        elif due:
            self.session.say(say("changed", label=due[0]))
