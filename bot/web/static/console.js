// What the console adds for who has script: keys. Every page works without it.
(function () {
  function typing(el) { return el.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(el.tagName); }
  document.addEventListener("keydown", function (e) {
    if (e.key !== "/" || e.ctrlKey || e.metaKey || e.altKey || typing(e.target)) return;
    var search = document.getElementById("q");
    if (search) { e.preventDefault(); search.focus(); search.select(); }
  });
})();
