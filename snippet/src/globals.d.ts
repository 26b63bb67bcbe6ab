/** Put in by the build. */
declare const VERSION: string
/** Of the lazy part `parts`: what stands between `f.` and `.js`, and its integrity. */
declare const PARTS: [name: string, integrity: string]
/** In that part: the same of each other. */
declare const HASHES: Record<string, [name: string, integrity: string]>
/** Put around the script by the collector, where it is not pinned: [consent mode, cookie domain, prompt version] by key. */
declare const ffSites: Record<string, [string?, string?, string?]>
