// What the inbox adds for who has script: answers kept ready go in at the cursor, Ctrl + Enter sends, one click sends once.
(function () {
  function area(from) { var form = from.closest("form"); return form && form.querySelector("textarea"); }
  function insert(box, text) {
    var start = box.selectionStart, before = box.value.slice(0, start).replace(/\/$/, "");
    box.value = before + text + box.value.slice(box.selectionEnd);
    box.focus();
    box.selectionStart = box.selectionEnd = before.length + text.length;
  }
  document.querySelectorAll("[data-write] .for-script").forEach(function (el) { el.hidden = false; });
  document.addEventListener("click", function (e) {
    var chosen = e.target.closest && e.target.closest("[data-insert]");
    if (!chosen) return;
    var box = area(chosen);
    if (!box) return;
    e.preventDefault();
    insert(box, chosen.getAttribute("data-insert"));
    var menu = chosen.closest("details");
    if (menu) menu.open = false;
  });
  document.addEventListener("keydown", function (e) {
    if (e.key === "Enter" && (e.ctrlKey || e.metaKey) && e.target.matches("[data-write] textarea")) {
      e.preventDefault();
      e.target.form.requestSubmit();
    }
    if (e.key === "/" && e.target.matches("[data-write] textarea") && !e.target.value) {
      var canned = e.target.form.querySelector(".canned");
      if (canned) { canned.open = true; }
    }
  });
  document.addEventListener("submit", function (e) {
    if (!e.target.matches("[data-write]")) return;
    if (e.target.dataset.sent) { e.preventDefault(); return; }
    e.target.dataset.sent = "1";
  });
  window.addEventListener("pageshow", function () {
    document.querySelectorAll("[data-write]").forEach(function (form) { delete form.dataset.sent; });
  });
})();
