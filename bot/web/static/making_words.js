// What the third step adds for who has script: tabs without a journey, variables at the cursor, the next member.
(function () {
  var form = document.getElementById("step");
  if (!form) return;
  var last = null;
  form.querySelectorAll("[data-insert], [data-step]").forEach(function (el) { el.hidden = false; });
  function current() { return form.querySelector("[data-channel]").value; }
  function open(channel) {
    form.querySelector("[data-channel]").value = channel;
    form.querySelectorAll("[data-tab]").forEach(function (tab) {
      if (tab.dataset.tab === channel) tab.setAttribute("aria-current", "page");
      else tab.removeAttribute("aria-current");
    });
    form.querySelectorAll("[data-panel]").forEach(function (panel) { panel.hidden = panel.dataset.panel !== channel; });
    history.replaceState(null, "", "?channel=" + encodeURIComponent(channel));
    offer();
  }
  function offer() { // an SMS takes only what has a name in it
    var sms = current() === "sms";
    form.querySelectorAll("[data-insert]").forEach(function (el) { el.hidden = sms && !el.dataset.sms; });
  }
  function box() {
    var panel = form.querySelector('.stack[data-panel="' + current() + '"]');
    if (last && panel && panel.contains(last)) return last;
    return panel && (panel.querySelector("textarea") || panel.querySelector("input"));
  }
  form.addEventListener("focusin", function (e) {
    if (e.target.matches("[data-panel] input, [data-panel] textarea")) last = e.target;
  });
  form.addEventListener("click", function (e) {
    var tab = e.target.closest("[data-tab]"), chosen = e.target.closest("[data-insert]"), step = e.target.closest("[data-step]");
    if (tab && !e.metaKey && !e.ctrlKey) { e.preventDefault(); open(tab.dataset.tab); }
    if (chosen) {
      var area = box();
      if (!area) return;
      var slot = current() === "sms" && area.name === "sms/text" ? chosen.dataset.sms : chosen.dataset.insert;
      area.setRangeText(slot, area.selectionStart, area.selectionEnd, "end");
      area.focus();
      area.dispatchEvent(new Event("input", { bubbles: true }));
    }
    if (step) {
      var list = form.querySelector("[data-persons]"), at = list.selectedIndex + Number(step.dataset.step);
      if (at < 0 || at >= list.options.length) return;
      list.selectedIndex = at;
      list.dispatchEvent(new Event("change", { bubbles: true }));
    }
  });
  offer();
})();
