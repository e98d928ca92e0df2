// What a file holds, verified in the page; no more of it is in memory than one block.
import { BlobSource, Policy, Rejection, Verifier } from "../dist/src/index.js";

/** A line for each current artifact, or why the bundle is refused. */
export async function describe(blob) {
  try {
    const { bundle, fault } = await new Verifier(Policy.unsigned).verify(new BlobSource(blob));
    const lines = bundle.current.map(({ type, key, contentSize }) => `${type} ${key}: ${contentSize} bytes`);
    return [...lines, fault ? fault.message : "all contents verified"].join("\n");
  } catch (error) {
    if (!(error instanceof Rejection)) throw error;
    return error.message;
  }
}

globalThis.describeBundle = describe;
document.querySelector("#file").addEventListener("change", async ({ target }) => {
  document.querySelector("#found").textContent = await describe(target.files[0]);
});
