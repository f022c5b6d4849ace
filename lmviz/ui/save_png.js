// Draws an SVG on a canvas and saves it as a PNG; needs picture.js.

export default function ({ data, parentElement }) {
  const button = parentElement.querySelector(".save");
  const says = parentElement.querySelector(".says");
  button.textContent = data.label;
  button.onclick = async () => {
    button.disabled = true;
    says.textContent = "";
    try {
      save(await png(data.svg), data.file);
    } catch {
      says.textContent = "This browser cannot draw a picture that long. The SVG holds all of it.";
    } finally {
      button.disabled = false;
    }
  };
}
