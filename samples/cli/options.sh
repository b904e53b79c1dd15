# What every run.sh here begins with: its options, the tools on the path, and the clean-up at the end.
# Before it is read, run.sh sets the defaults of MODEL and DATA. It sets
#
#   MODEL      --model   a name of the catalog, a Hub id, a folder, or a registered model
#   DATA       --data    a folder of photos
#   OUTPUT     --output  where the picture goes, and what leads to it; by default sample-output/<sample>
#   LABELS     --labels  zero-shot: the labels to choose from, separated by commas
#   SETTINGS   --set     key=value, changes the sample's job document; repeatable
#   AS_IS      --as-is   evaluation: the model knows the labels already
#
# and goes to the sample's folder. The workspace is yours: TINTYPE_HOME, or ~/.tintype.

SAMPLE=$(basename "$(cd "$(dirname "$0")" && pwd)")
OUTPUT=sample-output/$SAMPLE
LABELS=${LABELS:-}
SETTINGS=("experiment_name=$SAMPLE")
AS_IS=

wrong_use() {
    echo "$SAMPLE: $1" >&2
    exit 2
}

while [ $# -gt 0 ]; do
    case $1 in
        --as-is)
            AS_IS=yes
            shift
            continue
            ;;
        --model | --data | --output | --labels | --set)
            [ $# -gt 1 ] || wrong_use "$1 needs a value"
            ;;
        *)
            wrong_use "unknown option $1; there are --model, --data, --output, --labels, --set and --as-is"
            ;;
    esac
    case $1 in
        --model) MODEL=$2 ;;
        --data) DATA=$2 ;;
        --output) OUTPUT=$2 ;;
        --labels) LABELS=$2 ;;
        --set) SETTINGS+=("$2") ;;
    esac
    shift 2
done

[ -d "$DATA" ] || wrong_use "--data $DATA: no such folder"
DATA=$(cd "$DATA" && pwd)
# Relative paths count from where you are, and the script goes elsewhere.
[ ! -d "$MODEL" ] || MODEL=$(cd "$MODEL" && pwd)
mkdir -p "$OUTPUT"
OUTPUT=$(cd "$OUTPUT" && pwd)
cd "$(dirname "$0")"

# The environment that ./run makes, where there is one.
venv=$(cd ../../.. && pwd)/.venv/bin
[ ! -x "$venv/tintype" ] || PATH=$venv:$PATH
command -v tintype > /dev/null || wrong_use "tintype is not on the path; ./run tintype sets it up"

# An endpoint of this run alone, which is deleted however the script ends.
ENDPOINT=sample-$(date +%s)-$RANDOM
delete_endpoint_at_exit() {
    SERVED_BEFORE=$(tintype status > /dev/null 2>&1 && echo yes || echo no)
    trap delete_endpoint EXIT
}
delete_endpoint() {
    # What cannot be deleted, as when it was never created, must not keep the rest from being done.
    tintype online-endpoint delete --name "$ENDPOINT" --yes || true
    # The daemon that serves endpoints ends too, unless it ran before.
    [ "$SERVED_BEFORE" = yes ] || tintype down
}
