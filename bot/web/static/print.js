// A page made to be printed opens the browser's dialog by itself.
window.addEventListener("load", function () { window.print(); });
