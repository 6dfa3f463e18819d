// Step 给谁: who chooses a segment, or writes a rule, has said which of the two is meant; from then on the radio says it.
// Without script the server goes by what was changed since the page was shown (the hidden `was` fields).
(function () {
  var form = document.getElementById("step");
  if (!form) return;
  function tick(way) {
    var radio = form.querySelector('input[name="way"][value="' + way + '"]');
    if (radio.disabled) return;
    radio.checked = true;
    form.querySelectorAll('input[name="was"], input[name="was_saved"]').forEach(function (one) { one.remove(); });
  }
  form.querySelector("#saved").addEventListener("change", function (e) { tick(e.target.value ? "saved" : "line"); });
  form.querySelector("#rule").addEventListener("input", function () { tick("line"); });
  form.querySelectorAll('input[name="way"]').forEach(function (one) {
    one.addEventListener("change", function () { tick(one.value); });
  });
})();
