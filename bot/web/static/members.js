// With script the marks of a page are counted, and all are set at once.
(function () {
  var form = document.querySelector("[data-marking]");
  if (!form) return;
  var boxes = form.querySelectorAll("input[name=id]"), all = form.querySelector("[data-mark-all]");
  var picked = form.querySelector("button[value=picked]");
  function count() {
    var n = Array.prototype.filter.call(boxes, function (box) { return box.checked; }).length;
    form.querySelector("[data-marked]").textContent = n;
    all.checked = n === boxes.length;
    all.indeterminate = n > 0 && n < boxes.length;
    picked.disabled = n === 0;
  }
  form.querySelectorAll(".for-script").forEach(function (el) { el.hidden = false; });
  form.classList.add("scripted");
  all.addEventListener("change", function () { boxes.forEach(function (box) { box.checked = all.checked; }); count(); });
  form.addEventListener("change", count);
  window.addEventListener("pageshow", count);
  count();
})();
